"""What the Dask workers of a stack see, asked once for all tests."""

import json
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mspass_stack.managers import manager_of
from mspass_stack.spec.inventory import Entry
from mspass_stack.verify.deployed import Deployed

PROGRAM = Path(__file__).parent / "inside" / "each_worker.py"


@dataclass(frozen=True)
class Pool:
    """What a task on each worker saw.

    Attributes:
        workers: name, threads, memory limit, directory and documents of each.
        versions: of Python and of what must fit together, that the scheduler and all workers have, by name.
        documents: what every task should have read from the database; none without one.
    """

    workers: list[dict[str, Any]]
    versions: dict[str, list[str]]
    documents: list[int] | None

    def of(self, process: Entry) -> list[dict[str, Any]]:
        """The workers that one process has started: Dask numbers them after its name."""
        return [
            observed
            for observed in self.workers
            if observed["name"].rpartition("-")[0] == process.name or observed["name"] == process.name
        ]


@contextmanager
def documents_for(deployed: Deployed) -> Generator[tuple[str, str, list[int] | None]]:
    """Documents for the tasks to read: database, collection, what is in it; dropped afterwards."""
    if "databaseUri" not in deployed.outputs:
        yield "", "", None
        return
    database, numbers = f"verify_{secrets.token_hex(4)}", [1, 2, 3]
    with deployed.database() as client:
        try:
            client[database]["numbers"].insert_many({"n": n} for n in numbers)
            yield database, "numbers", numbers
        finally:
            client.drop_database(database)


def ask(deployed: Deployed) -> Pool:
    """Run a task on every worker, by the scheduler's own Python: another one could not talk to it."""
    (scheduler,) = deployed.inventory.with_role("scheduler")
    connection = deployed.inventory.connection(scheduler)
    manager = manager_of(
        scheduler.spec.manager,
        connection,
        scheduler.spec.stack_dir,
        deployed.inventory.stack_id,
    )
    with documents_for(deployed) as (database, collection, numbers):
        argv = [scheduler.argv[0], "-c", PROGRAM.read_text(), scheduler.endpoint, database, collection]
        ended = manager.execute(scheduler.spec.managed_name, argv, 120)
    if ended.status:
        pytest.fail(f"no task runs on the workers of {scheduler.endpoint}:\n{ended.output}", pytrace=False)
    # The last line: what Dask warns of comes before.
    seen = ended.output.splitlines()[-1]
    return Pool(**json.loads(seen), documents=numbers)
