"""An application of Spark that finds the cluster by its environment alone; prints what its tasks saw.

Arguments: how many tasks, how many executors it is to have, a database and a collection (empty where the stack has no
database).
"""

import json
import sys
import time
from typing import Any, cast

from pyspark.sql import SparkSession as Session

SECONDS = 120


def main(tasks: str, executors: str, database: str, collection: str) -> None:
    def look(_: int) -> dict[str, Any]:
        import os
        import platform
        from pathlib import Path

        observed: dict[str, Any] = {"directory": str(Path.cwd()), "host": platform.node()}
        observed["python"] = ".".join(platform.python_version_tuple()[:2])
        if database:
            from pymongo import MongoClient

            uri = os.environ["MSPASS_DB_ADDRESS"]
            with MongoClient[dict[str, Any]](uri, serverSelectionTimeoutMS=3000) as client:
                observed["documents"] = sorted(document["n"] for document in client[database][collection].find())
        return observed

    # pyspark's own types know no property of a class.
    # A task that fails on one executor is not to succeed on another.
    session: Any = cast("Any", Session).builder.config("spark.task.maxFailures", "1").getOrCreate()
    context = session.sparkContext
    try:
        tracker = context._jsc.sc().statusTracker()
        end = time.monotonic() + SECONDS
        while True:
            # The driver is one of those that hold blocks.
            known: list[str] = [f"{one.host()}:{one.port()}" for one in tracker.getExecutorInfos()]
            if len(known) > int(executors) or time.monotonic() > end:
                break
            time.sleep(0.2)
        seen: list[dict[str, Any]] = context.parallelize(range(int(tasks)), int(tasks)).map(look).collect()
        frame: list[int] | None = None
        # Where clients are given the connector.
        if database and context.getConf().contains("spark.mongodb.write.connection.uri"):
            place = {"database": database, "collection": f"{collection}_of_a_frame"}
            written = session.range(1, 4).withColumnRenamed("id", "n").write
            written.format("mongodb").mode("append").options(**place).save()
            read = session.read.format("mongodb").options(**place).load()
            frame = sorted(row["n"] for row in read.select("n").collect())
        said = {
            "executors": known,
            "tasks": seen,
            "version": session.version,
            "python": context.pythonVer,
            "frame": frame,
        }
    finally:
        session.stop()
    print(json.dumps(said))


if __name__ == "__main__":
    main(*sys.argv[1:])
