"""A deployed stack by the clients that its users have, from outside."""

import subprocess
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import psutil
from distributed import Client
from distributed.security import Security
from pymongo import MongoClient
from pymongo.write_concern import WriteConcern

from mspass_stack.polling import wait_until
from tests.harness.project import Stack

COLLECTION = ("mspass", "arrival")
"""Sharded, where the stack file has shards."""


def listening(ports: Iterable[int]) -> set[int]:
    """Return which of these ports of this machine somebody listens on."""
    wanted = set(ports)
    return {
        connection.laddr.port
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port in wanted
    }


def mongo(uri: str) -> MongoClient[dict[str, Any]]:
    """Return a client that gives up after five seconds."""
    return MongoClient(uri, serverSelectionTimeoutMS=5000)


@contextmanager
def dask(stack: Stack) -> Generator[Client]:
    """Yield a client of the stack's scheduler, with the certificate of its user where it speaks TLS."""
    outputs = stack.outputs()
    directory = Path(outputs["clientProfile"]).parent
    certificate = str(directory / "dask.pem")
    security = None
    if outputs["schedulerAddress"].startswith("tls"):
        authority = str(directory / "ca.pem")
        security = Security(
            tls_ca_file=authority, tls_client_cert=certificate, tls_client_key=certificate, require_encryption=True
        )
    with Client(outputs["schedulerAddress"], security=security, timeout="10s", set_as_default=False) as client:
        yield client


def workers(stack: Stack) -> list[dict[str, Any]]:
    """Return the workers that the scheduler has now."""
    with dask(stack) as client:
        return list(cast("dict[str, Any]", client.scheduler_info(n_workers=-1)["workers"]).values())


def declared_workers(stack: Stack) -> int:
    """Return how many workers the stack file asks for."""
    return sum(workers["processes"] for workers in stack.cluster["pool"]["workers"].values())


def write_documents(stack: Stack, count: int) -> None:
    """Write so many documents that outlast whatever happens to a server; whatever was there goes."""
    database, name = COLLECTION
    with mongo(stack.outputs()["databaseUri"]) as client:
        # What a killed server has acknowledged is kept when it was journalled, by a majority of its set.
        collection = client[database].get_collection(name, write_concern=WriteConcern("majority", j=True))
        collection.delete_many({})
        collection.insert_many({"n": n} for n in range(count))


def documents(stack: Stack) -> int:
    """Return how many of them are there."""
    database, name = COLLECTION
    with mongo(stack.outputs()["databaseUri"]) as client:
        return len({found["n"] for found in client[database][name].find({}, {"n": 1})})


def spread(stack: Stack) -> dict[str, int]:
    """Return how many documents each shard has."""
    database, name = COLLECTION
    with mongo(stack.outputs()["databaseUri"]) as client:
        shards: dict[str, Any] = client[database].command("collStats", name)["shards"]
        return {shard: int(stats["count"]) for shard, stats in shards.items()}


def expect_line(running: "subprocess.Popen[str]", word: str) -> str:
    """A command that runs says a line that begins so; that line."""
    assert running.stdout
    lines: list[str] = []
    for line in running.stdout:
        lines.append(line)
        if line.startswith(word):
            return line
    raise AssertionError("".join(lines))


def expect_running(stack: Stack, count: int) -> None:
    """Every process is ready by its probe, Dask has its workers, and the database all documents."""
    output: list[str] = []

    def ready() -> bool:
        ran = stack.ask("status")
        output.append(ran.stdout)
        return ran.returncode == 0

    assert wait_until(ready, 30), output[-1]
    assert documents(stack) == count
    assert len(workers(stack)) == declared_workers(stack)


def expect_whole(stack: Stack, count: int) -> None:
    """The cluster does all its jobs, and has all its documents."""
    ran = stack.verify()
    assert ran.returncode == 0, ran.stdout
    assert "skipped" not in ran.stdout.splitlines()[-1]
    assert documents(stack) == count
