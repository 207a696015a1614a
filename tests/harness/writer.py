"""A client that goes on writing while a database is changed, and keeps account of what that did to it."""

import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

from pymongo import MongoClient
from pymongo.errors import PyMongoError
from pymongo.write_concern import WriteConcern

from mspass_stack.mongo.client import tls_options

PATIENCE = 30
"""Seconds for which a driver looks for a primary, which is its default."""

EVERY = 0.005
"""Seconds from one write to the next: it is to see every pause, and not to be the machine's whole load."""

Client: TypeAlias = MongoClient[dict[str, Any]]


class Writer:
    """What was written: one thing after the other, numbered, by a majority, with the driver's own retry.

    Args:
        connect: makes its client; `connect_anew` makes another one, between two writes.
        write: does the write of a number.

    Attributes:
        pause: the longest time between two writes, in seconds.
    """

    def __init__(self, connect: Callable[[], Client], write: Callable[[Client, int], object]) -> None:
        self.written, self.pause, self.refused = 0, 0.0, list[str]()
        self._connect, self._write, self.over = connect, write, threading.Event()
        self._another: Callable[[], Client] | None = connect
        self.thread = threading.Thread(target=self._run)

    def connect_anew(self, connect: Callable[[], Client]) -> None:
        """Go on with another client from the next write on."""
        self._another = connect

    def _run(self) -> None:
        client, last = self._connect(), time.monotonic()
        while not self.over.wait(EVERY):
            if another := self._another:
                client.close()
                client, self._another = another(), None
            try:
                self._write(client, self.written)
                self.written += 1
            except PyMongoError as error:
                self.refused.append(str(error))
            self.pause, last = max(self.pause, time.monotonic() - last), time.monotonic()
        client.close()


@contextmanager
def writing(connect: Callable[[], Client], write: Callable[[Client, int], object]) -> Generator[Writer]:
    """Write until the block ends."""
    writer = Writer(connect, write)
    writer.thread.start()
    try:
        yield writer
    finally:
        writer.over.set()
        writer.thread.join(2 * PATIENCE)


def to_set(name: str, places: Sequence[str], key: str, authority: str = "") -> Callable[[], Client]:
    """Return what makes a client of a replica set, as its internal user.

    Args:
        places: of some members, HOST:PORT.
        key: content of the set's key file.
        authority: certificate of who signs those of the members, PEM; empty where they speak no TLS.
    """
    options: dict[str, Any] = {"replicaSet": name, "username": "__system", "password": key, "authSource": "local"}

    def connect() -> Client:
        with tls_options(authority) as tls:
            return MongoClient(list(places), serverSelectionTimeoutMS=PATIENCE * 1000, **tls, **options)

    return connect


def inserting(collection: str) -> Callable[[Client, int], object]:
    """Return what inserts numbered documents.

    It writes into `admin`: what is there belongs to a set of its own, also to one that is a shard.
    """

    def write(client: Client, number: int) -> object:
        documents = client["admin"].get_collection(collection, write_concern=WriteConcern("majority", j=True))
        return documents.insert_one({"_id": number})

    return write


def counting(database: str) -> Callable[[Client, int], object]:
    """Return what writes a number into one document that is known.

    An update that is done twice is done once, which an insert is not: the double of mongos cannot tell a repeated one.
    """

    def write(client: Client, number: int) -> object:
        counter = client[database].get_collection("counter", write_concern=WriteConcern("majority", j=True))
        return counter.update_one({"_id": 0}, {"$set": {"n": number}}, upsert=True)

    return write
