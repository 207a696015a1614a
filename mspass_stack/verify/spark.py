"""What the executors of a stack's Spark see, asked by one application for all tests."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mspass_stack.managers import manager_of
from mspass_stack.verify.deployed import Deployed
from mspass_stack.verify.pool import documents_for

PROGRAM = Path(__file__).parent / "inside" / "each_executor.py"

LIMIT = 300
"""Seconds: two Javas start before the first task."""


@dataclass(frozen=True)
class Spark:
    """What an application saw.

    Attributes:
        executors: places, `HOST:PORT`, of those that it had.
        tasks: directory, host, Python and documents of each of its tasks.
        version: of Spark.
        python: of the driver, major and minor.
        frame: what was written through MongoDB's connector, as it was read back; none without one.
        documents: what every task should have read from the database; none without one.
    """

    executors: list[str]
    tasks: list[dict[str, Any]]
    version: str
    python: str
    frame: list[int] | None
    documents: list[int] | None


def run_application(deployed: Deployed) -> Spark:
    """Run an application that is told nothing of the cluster where `mspass-stack run` does."""
    inventory = deployed.inventory
    place = inventory.place_for_programs
    workers = [entry for entry in inventory.processes if entry.kind == "spark-worker"]
    cores = sum(worker.threads for worker in workers)
    with documents_for(deployed) as (database, collection, numbers):
        words = [*place.as_client, place.argv[0], "-c", PROGRAM.read_text()]
        words += [str(cores), str(len(workers)), database, collection]
        connection = inventory.connection(place)
        manager = manager_of(place.spec.manager, connection, place.spec.stack_dir, inventory.stack_id)
        ended = manager.execute(place.spec.managed_name, words, LIMIT)
    if ended.status:
        pytest.fail(f"no application runs on Spark:\n{ended.output[-3000:]}", pytrace=False)
    # The last line: what Spark warns of comes before.
    return Spark(**json.loads(ended.output.splitlines()[-1]), documents=numbers)
