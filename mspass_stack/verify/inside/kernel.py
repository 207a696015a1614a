"""Run in a kernel of the frontend: plain clients find the cluster by the environment; prints what they found."""

import importlib
import importlib.util
import json
import os
import sys
from importlib import metadata
from typing import Any

found: dict[str, Any] = {"directory": os.path.realpath(os.curdir)}
found["versions"] = {"python": ".".join(map(str, sys.version_info[:3]))}
for package in ("distributed", "dask", "pymongo"):
    found["versions"][package] = metadata.version(package) if importlib.util.find_spec(package) else "None"
if "MSPASS_DB_ADDRESS" in os.environ:
    from pymongo import MongoClient

    uri = os.environ["MSPASS_DB_ADDRESS"]
    # As it is, and as every released mspasspy makes it.
    for address in (uri, f"{uri}:{os.environ['MONGODB_PORT']}"):
        with MongoClient[dict[str, Any]](address, serverSelectionTimeoutMS=3000, socketTimeoutMS=10000) as database:
            found["database"] = database.server_info()["version"]
            database["mspass"]["wf"].find_one()
if os.environ["MSPASS_SCHEDULER"] == "dask":
    from distributed import Client

    with Client(timeout=10, set_as_default=False) as scheduler:
        found["scheduler"] = scheduler.scheduler_info()["address"]
        found["answer"] = scheduler.submit(sum, [1, 2, 3], pure=False).result(timeout=10)
if os.environ["MSPASS_SCHEDULER"] == "spark":
    session: Any = importlib.import_module("pyspark.sql").SparkSession.builder.getOrCreate()
    found["scheduler"] = session.sparkContext.master
    found["answer"] = session.sparkContext.parallelize([1, 2, 3]).sum()
if importlib.util.find_spec("mspasspy"):
    own: Any = importlib.import_module("mspasspy.client").Client()
    own.get_database("mspass").wf.find_one()
    pool = own.get_scheduler()
    is_spark = hasattr(pool, "parallelize")
    summed = pool.parallelize([1, 2, 3]) if is_spark else pool.submit(sum, [1, 2, 3], pure=False)
    found["mspass"] = summed.sum() if is_spark else summed.result(timeout=10)
print(json.dumps(found))
