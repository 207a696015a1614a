"""What is looked for on every node before any role starts, and what processes get of their node."""

import json
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from subprocess import DEVNULL, Popen
from typing import Any

import pytest

from mspass_stack.polling import wait_until
from tests.harness.project import Project
from tests.harness.slurm import SlurmCluster
from tests.harness.slurm_stack import SlurmStack

HOLDER = "import socket, time; s = socket.socket(); s.bind(('0.0.0.0', 27017)); s.listen(); time.sleep(600)"
OPEN: dict[str, Any] = {"pool": {"host": "node0", "workers": {"node[2-4]": {}}}}


@pytest.fixture(scope="module")
def stack(project: Project, slurm: SlurmCluster) -> Iterator[SlurmStack]:
    """The manual's five nodes; what its workers and its database get is left to the nodes."""
    stack = SlurmStack(project, slurm, config=OPEN)
    yield stack
    stack.cancel()


@contextmanager
def held_port(slurm: SlurmCluster, node: str) -> Generator[None]:
    words = slurm.user_words(node, "bob", "python3", "-c", HOLDER)
    with Popen(words, stdout=DEVNULL, stderr=DEVNULL):
        assert wait_until(lambda: slurm.processes(node, "27017"), 10)
        try:
            yield
        finally:
            for pid in slurm.processes(node, "s.bind"):
                slurm.execute(node, "kill", "-KILL", str(pid), check=False)


def test_all_that_is_wrong_with_the_nodes_is_said_at_once_and_no_role_starts(
    stack: SlurmStack, slurm: SlurmCluster
) -> None:
    slurm.execute("n4", "chmod", "700", "/tmp")
    slurm.execute("n5", "mv", "/usr/bin/apptainer", "/usr/bin/apptainer.away")
    try:
        with held_port(slurm, "n2"):
            said = stack.refused_up()
    finally:
        slurm.execute("n4", "chmod", "1777", "/tmp")
        slurm.execute("n5", "mv", "/usr/bin/apptainer.away", "/usr/bin/apptainer")
    for text in (
        "node1 (n2): port 27017 of mongod is held by a process of user bob",
        "node3 (n4): its own disk cannot be written: ",
        "node4 (n5): there is no apptainer",
    ):
        assert text in said, said
    end = json.loads(slurm.as_user("login", "cat", f"{stack.directory}/run/end.json"))
    assert (end["state"], end["why"].count("\n")) == ("FAILED", 3)
    assert not slurm.as_user("login", "sh", "-c", f"ls {stack.directory}/run | grep size || true").strip()


def test_nodes_that_are_in_order_again_are_taken_by_the_next_job(stack: SlurmStack) -> None:
    stack.up()
    first, _, last = stack.log().rpartition("the nodes are not in order:")
    assert "all nodes looked at" not in first
    assert "all nodes looked at" in last
    assert stack.ask("status").returncode == 0


def test_a_worker_goes_before_the_database_when_the_memory_is_used_up(stack: SlurmStack, slurm: SlurmCluster) -> None:
    assert _scores(slurm, stack.node("node2"), "[-]-nworkers") == {800}
    assert _scores(slurm, stack.node("node0"), "[j]upyterlab") == {500}
    assert _scores(slurm, stack.node("node1"), "^mongod ") == {0}


def test_processes_are_as_large_as_their_node(stack: SlurmStack, slurm: SlurmCluster) -> None:
    def given(name: str) -> dict[str, Any]:
        return json.loads(slurm.as_user("login", "cat", f"{stack.directory}/run/{name}.size"))

    worker, mongod = given("worker-node2"), given("mongod")
    assert (worker["cores"], worker["workers"], worker["memory"]) == (2, 2, 3000 << 20)
    line = slurm.execute(stack.node("node2"), "pgrep", "--full", "--list-full", "--", "^python3 .*--nworkers")
    assert f"--nworkers 2 --nthreads 1 --memory-limit {worker['limit']} --local-directory /tmp " in line
    line = slurm.execute(stack.node("node1"), "pgrep", "--full", "--list-full", "--", "^mongod ")
    assert f"--wiredTigerCacheSizeGB {mongod['cache'] / 2**30:.2f}" in line


def _scores(slurm: SlurmCluster, node: str, pattern: str) -> set[int]:
    pids = slurm.processes(node, pattern)
    assert pids
    return {int(slurm.execute(node, "cat", f"/proc/{pid}/oom_score_adj")) for pid in pids}
