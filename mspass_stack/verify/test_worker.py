"""Each worker process has the workers declared, and each of them works."""

import hashlib

from mspass_stack.spec.inventory import Entry
from mspass_stack.verify.deployed import Deployed
from mspass_stack.verify.pool import Pool


def test_it_has_as_many_workers_as_declared(process: Entry, pool: Pool) -> None:
    assert len(pool.of(process)) == process.workers


def test_its_workers_have_the_threads_and_the_memory_declared(process: Entry, pool: Pool) -> None:
    observed = [(worker["threads"], worker["memory"]) for worker in pool.of(process)]
    assert observed == [(process.threads, process.memory)] * process.workers


def test_a_task_on_each_of_its_workers_reads_the_database_and_sees_the_workdir(
    process: Entry, deployed: Deployed, pool: Pool
) -> None:
    observed = [(worker["directory"], worker.get("documents")) for worker in pool.of(process)]
    assert observed == [(deployed.inventory.hosts[process.host].workdir, pool.documents)] * process.workers


def test_each_of_its_workers_has_the_very_address_that_clients_outside_have(
    process: Entry, deployed: Deployed, pool: Pool
) -> None:
    """MsPASS's `Client()` hands its own address of the database to every worker."""
    if uri := deployed.everybodys_address:
        digest = hashlib.sha256(uri.encode()).hexdigest()
        assert [worker["uri"] for worker in pool.of(process)] == [digest] * process.workers
