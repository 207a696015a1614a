"""A client of a stack on a Slurm cluster that inserts while something happens, and keeps what was acknowledged."""

import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress

from pymongo.errors import PyMongoError
from pymongo.write_concern import WriteConcern

from mspass_stack.polling import wait_until
from tests.harness.lab.command import LabError
from tests.harness.slurm_stack import SlurmStack

BY_ITSELF = 60
"""Seconds for what is healed with nobody there."""


class Inserts:
    """Numbered documents, one after the other; `kept` has the numbers that were acknowledged."""

    def __init__(self, stack: SlurmStack, collection: str) -> None:
        self.kept: set[int] = set()
        self.over = threading.Event()
        self._stack, self._collection, self._next = stack, collection, 0
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self.over.is_set():
            # The node that it is entered by may be another one after a while.
            with suppress(PyMongoError, LabError), self._stack.database() as client:
                found = client["mspass"].get_collection(
                    self._collection, write_concern=WriteConcern("majority", j=True)
                )
                while not self.over.wait(0.02):
                    self._next += 1
                    found.insert_one({"_id": self._next})
                    self.kept.add(self._next)
            self.over.wait(0.2)

    def goes_on(self) -> bool:
        """Whether another one is acknowledged soon."""
        before = len(self.kept)
        return bool(wait_until(lambda: len(self.kept) > before + 3, BY_ITSELF, 0.2))


@contextmanager
def inserting(stack: SlurmStack, collection: str) -> Generator[Inserts]:
    """Insert until the block ends; every acknowledged document is there then."""
    inserts = Inserts(stack, collection)
    inserts.thread.start()
    try:
        assert inserts.goes_on()
        yield inserts
        assert inserts.goes_on(), stack.log()
    finally:
        inserts.over.set()
        inserts.thread.join(60)
    with stack.database() as client:
        there = {found["_id"] for found in client["mspass"][collection].find({}, {"_id": 1})}
    assert inserts.kept - there == set()
