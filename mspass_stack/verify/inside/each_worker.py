"""One task on every Dask worker, each of which reads the database by its own environment; prints what they saw.

Arguments: the scheduler's address, a database and a collection (empty where the stack has no database).
"""

import json
import sys
from typing import Any, cast

from distributed import Client

SECONDS = 15

PACKAGES = ("distributed", "dask", "pymongo")


def look(database: str, collection: str) -> dict[str, Any]:
    import hashlib
    import os
    from pathlib import Path

    from distributed import get_worker

    worker = get_worker()
    observed: dict[str, Any] = {
        "name": str(worker.name),
        "threads": worker.state.nthreads,
        "memory": worker.memory_manager.memory_limit or 0,
        "directory": str(Path.cwd()),
    }
    if database:
        from pymongo import MongoClient

        uri = os.environ["MSPASS_DB_ADDRESS"]
        observed["uri"] = hashlib.sha256(uri.encode()).hexdigest()
        # As it is, and as every released mspasspy makes it.
        for address in (uri, f"{uri}:{os.environ['MONGODB_PORT']}"):
            with MongoClient[dict[str, Any]](address, serverSelectionTimeoutMS=3000) as client:
                observed["documents"] = sorted(document["n"] for document in client[database][collection].find())
    return observed


def main(scheduler: str, database: str, collection: str) -> None:
    with Client(scheduler, timeout=SECONDS) as client:
        addresses = list(cast("dict[str, int]", client.nthreads()))
        tasks = [client.submit(look, database, collection, workers=[a], pure=False) for a in addresses]
        versions = cast("dict[str, Any]", client.get_versions(packages=["pymongo"]))
        everybody = [versions["scheduler"], *versions["workers"].values()]
        found = {name: [one["packages"].get(name) for one in everybody] for name in PACKAGES}
        found["python"] = [".".join(one["packages"]["python"].split(".")[:3]) for one in everybody]
        print(
            json.dumps(
                {
                    "workers": [task.result(timeout=SECONDS) for task in tasks],
                    "versions": {name: sorted(map(str, set(observed))) for name, observed in found.items()},
                }
            )
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
