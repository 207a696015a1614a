"""Each worker process has the workers declared, and each of them works."""

from mspass_stack.inventory import Entry
from tests.verify.deployed import Deployed
from tests.verify.pool import Pool


def test_it_has_as_many_workers_as_declared(process: Entry, pool: Pool) -> None:
    assert len(pool.of(process)) == process.workers


def test_its_workers_have_the_threads_and_the_memory_declared(process: Entry, pool: Pool) -> None:
    seen = [(worker["threads"], worker["memory"]) for worker in pool.of(process)]
    assert seen == [(process.threads, process.memory)] * process.workers


def test_a_task_on_each_of_its_workers_reads_the_database_and_sees_the_workdir(
    process: Entry, deployed: Deployed, pool: Pool
) -> None:
    seen = [(worker["directory"], worker.get("documents")) for worker in pool.of(process)]
    assert seen == [(deployed.inventory.workdir, pool.documents)] * process.workers
