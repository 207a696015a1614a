"""Looks at the machine from outside."""

from collections.abc import Iterable
from typing import Any, cast

import psutil
from distributed import Client
from pymongo import MongoClient


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
