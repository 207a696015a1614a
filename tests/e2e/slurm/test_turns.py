"""Changes of a cluster in its job: what may not be away at once is restarted one after the other. Three nodes."""

import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager

import pytest

from tests.harness.project import Project, is_unchanged
from tests.harness.slurm import SlurmCluster
from tests.harness.slurm_inserts import inserting
from tests.harness.slurm_stack import SlurmStack

NODES = ("node0", "node1", "node2")

THREE = {
    "database": {"router": ["node0"], "shards": {"a": list(NODES)}, "cache": "256MiB"},
    "pool": {"host": "node0", "workers": {"node[1-2]": {"processes": 1, "memory": "256MiB"}}},
    "frontend": {"host": "node0"},
}

MEMBER, WORKER = "^mongod .*--replSet a", "^python3 .*dask.*worker-node"


@pytest.fixture(scope="module")
def nodes() -> int:
    return len(NODES)


@pytest.fixture(scope="module")
def stack(project: Project, slurm: SlurmCluster) -> Iterator[SlurmStack]:
    stack = SlurmStack(project, slurm, name="turns", slurm={"nodes": len(NODES)}, config=THREE)
    stack.up()
    yield stack
    stack.cancel()


def _pids(stack: SlurmStack, pattern: str) -> dict[str, list[int]]:
    return {host: stack.on.processes(stack.node(host), pattern) for host in NODES}


@contextmanager
def _watched(stack: SlurmStack, pattern: str) -> Generator[list[set[str]]]:
    """Look all the while on which nodes a process is; every look is kept."""
    nodes, over, seen = {host: stack.node(host) for host in NODES}, threading.Event(), list[set[str]]()

    def look() -> None:
        while not over.wait(0.1):
            seen.append({host for host, node in nodes.items() if stack.on.processes(node, pattern)})

    watching = threading.Thread(target=look)
    watching.start()
    try:
        yield seen
    finally:
        over.set()
        watching.join()


def test_members_of_a_set_are_restarted_one_after_the_other(stack: SlurmStack) -> None:
    job, before = stack.job(), _pids(stack, MEMBER)
    stack.cluster["database"]["cache"] = "300MiB"
    stack.write()
    with inserting(stack, "turns"), _watched(stack, MEMBER) as seen:
        stack.up()
    after = _pids(stack, MEMBER)
    assert all(set(before[host]).isdisjoint(after[host]) for host in NODES), (before, after)
    assert {len(up) for up in seen} <= {2, 3}, seen
    assert {host for up in seen for host in {*NODES} - up} == {*NODES}, "each of them was seen down"
    assert stack.job() == job
    said = stack.up()
    assert is_unchanged(said), [line for line in said.splitlines() if " updat" in line]


def test_one_half_of_the_workers_goes_on_while_the_other_restarts(stack: SlurmStack) -> None:
    job, before = stack.job(), _pids(stack, WORKER)
    for workers in stack.cluster["pool"]["workers"].values():
        workers["memory"] = "300MiB"
    stack.write()
    with _watched(stack, WORKER) as seen:
        stack.up()
    after = _pids(stack, WORKER)
    assert all(set(before[host]).isdisjoint(after[host]) for host in ("node1", "node2")), (before, after)
    assert {len(up) for up in seen} <= {1, 2}, seen
    assert stack.job() == job
    said = stack.up()
    assert is_unchanged(said), [line for line in said.splitlines() if " updat" in line]
