"""Looks at the machine from outside."""

from collections.abc import Iterable
from typing import Any, cast

import psutil
from distributed import Client
from pymongo import MongoClient
from pymongo.write_concern import WriteConcern

from tests.harness.project import Stack


def listening(ports: Iterable[int]) -> set[int]:
    """Which of these ports somebody listens on."""
    wanted = set(ports)
    return {
        connection.laddr.port
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port in wanted
    }


def mongo(uri: str) -> MongoClient[dict[str, Any]]:
    """A client that gives up after five seconds."""
    return MongoClient(uri, serverSelectionTimeoutMS=5000)


def workers(scheduler: str) -> list[dict[str, Any]]:
    """The workers that a Dask scheduler has now."""
    with Client(scheduler, timeout="5s") as client:
        return list(cast("dict[str, Any]", client.scheduler_info(n_workers=-1)["workers"]).values())


def documents(stack: Stack) -> int:
    """How many documents `write_documents` has left in a stack's database."""
    with mongo(stack.outputs()["databaseUri"]) as client:
        return client["kept"]["documents"].count_documents({})


def write_documents(stack: Stack, count: int) -> None:
    """Write so many documents that outlast whatever happens to the server."""
    with mongo(stack.outputs()["databaseUri"]) as client:
        # What a killed server has acknowledged is kept when it was journalled.
        kept = client["kept"].get_collection("documents", write_concern=WriteConcern(j=True))
        kept.delete_many({})
        kept.insert_many({"n": n} for n in range(count))
