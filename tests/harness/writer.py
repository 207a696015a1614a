"""A client that goes on writing while a database is changed, and keeps account of what that did to it."""

import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError
from pymongo.write_concern import WriteConcern

PATIENCE = 30
"""Seconds for which a driver looks for a primary, which is its default."""


@dataclass
class Writer:
    """What was written: one document after the other, numbered, by a majority, with the driver's own retry.

    Attributes:
        pause: the longest time between two documents, in seconds.
    """

    written: int = 0
    pause: float = 0.0
    refused: list[str] = field(default_factory=list[str])


@contextmanager
def writing(name: str, places: Sequence[str], key: str, collection: str = "written") -> Generator[Writer]:
    """Write into a replica set until the block ends, as its internal user.

    It writes into `admin`: what is there belongs to a set of its own, also to one that is a shard.

    Args:
        places: of some members, HOST:PORT.
        key: content of the set's key file.
    """
    writer, over = Writer(), threading.Event()
    options: dict[str, Any] = {"replicaSet": name, "username": "__system", "password": key, "authSource": "local"}

    def write() -> None:
        with MongoClient[dict[str, int]](list(places), serverSelectionTimeoutMS=PATIENCE * 1000, **options) as client:
            documents = client["admin"].get_collection(collection, write_concern=WriteConcern("majority", j=True))
            last = time.monotonic()
            while not over.is_set():
                try:
                    documents.insert_one({"_id": writer.written})
                    writer.written += 1
                except PyMongoError as error:
                    writer.refused.append(str(error))
                writer.pause, last = max(writer.pause, time.monotonic() - last), time.monotonic()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield writer
    finally:
        over.set()
        thread.join(2 * PATIENCE)
