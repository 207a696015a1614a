"""Looks at a deployed lab from outside, by the clients that its users have."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from distributed import Client
from distributed.security import Security
from pymongo.write_concern import WriteConcern

from mspass_stack.provider.waiting import wait_until
from tests.harness.lab_stack import LabStack
from tests.stacks.looks import mongo

COLLECTION = ("mspass", "arrival")
"""Sharded, by the stack file."""


@contextmanager
def dask(stack: LabStack) -> Generator[Client]:
    """A client of the stack's scheduler, with the certificate of its user."""
    outputs = stack.outputs()
    secrets = Path(outputs["clientProfile"]).parent
    certificate = str(secrets / "dask.pem")
    security = Security(
        tls_ca_file=str(secrets / "ca.pem"),
        tls_client_cert=certificate,
        tls_client_key=certificate,
        require_encryption=True,
    )
    with Client(outputs["schedulerAddress"], security=security, timeout="10s", set_as_default=False) as client:
        yield client


def workers(stack: LabStack) -> list[str]:
    """Names of the workers that the scheduler has now."""
    with dask(stack) as client:
        known = cast("dict[str, Any]", client.scheduler_info(n_workers=-1)["workers"])
        return sorted(str(worker["name"]) for worker in known.values())


def write_documents(stack: LabStack, count: int) -> None:
    """Write so many documents that a majority of each shard has; whatever was there goes."""
    database, name = COLLECTION
    with mongo(stack.outputs()["databaseUri"]) as client:
        collection = client[database].get_collection(name, write_concern=WriteConcern("majority"))
        collection.delete_many({})
        collection.insert_many({"n": n} for n in range(count))


def documents(stack: LabStack) -> int:
    database, name = COLLECTION
    with mongo(stack.outputs()["databaseUri"]) as client:
        return len({found["n"] for found in client[database][name].find({}, {"n": 1})})


def spread(stack: LabStack) -> dict[str, int]:
    """How many documents each shard has."""
    database, name = COLLECTION
    with mongo(stack.outputs()["databaseUri"]) as client:
        shards: dict[str, Any] = client[database].command("collStats", name)["shards"]
        return {shard: int(stats["count"]) for shard, stats in shards.items()}


def expect_running(stack: LabStack, count: int) -> None:
    """Every process is ready by its probe, Dask has its workers, and the database all documents."""
    said: list[str] = []

    def ready() -> bool:
        ran = stack.project.command(sys.executable, "-m", "mspass_stack.status", "--stack", stack.name)
        said.append(ran.stdout)
        return ran.returncode == 0

    assert wait_until(ready, 30), said[-1]
    assert documents(stack) == count
    declared = stack.cluster["pool"]["workers"].values()
    assert len(workers(stack)) == sum(asked["processes"] for asked in declared)


def expect_whole(stack: LabStack, count: int) -> None:
    """The cluster does all its jobs, and has all its documents."""
    ran = stack.verify()
    assert ran.returncode == 0, ran.stdout
    assert "skipped" not in ran.stdout.splitlines()[-1]
    assert documents(stack) == count
