"""A cluster that lives longer than one job: each of a chain goes on where the one before it has ended."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
from pymongo.errors import PyMongoError

from mspass_stack.polling import wait_until
from tests.harness.connected import connected
from tests.harness.lab.command import LabError
from tests.harness.project import Project
from tests.harness.slurm import SlurmCluster
from tests.harness.slurm_stack import SlurmStack

ALL = {
    "database": {"db": "node0", "cache": "256MiB"},
    "pool": {"host": "node0", "workers": {"node0": {"processes": 1, "memory": "256MiB"}}},
    "frontend": {"host": "node0"},
}

LISTENS = "import socket, time; held = socket.create_server(('0.0.0.0', 27017)); time.sleep(600)"


@pytest.fixture(scope="module")
def nodes() -> int:
    return 2


@pytest.fixture(scope="module")
def stack(project: Project, slurm: SlurmCluster) -> Iterator[SlurmStack]:
    asked = {"nodes": 1, "time": "4:00", "stopBefore": "60s", "jobs": 3, "queueWait": "2m"}
    stack = SlurmStack(project, slurm, name="long", slurm=asked, config=ALL)
    yield stack
    stack.cancel()


def _numbers(stack: SlurmStack) -> list[int]:
    """The documents that are there; nothing while no database answers."""
    try:
        with stack.database() as client:
            return sorted(found["_id"] for found in client["mspass"]["kept"].find({}, {"_id": 1}))
    except (PyMongoError, LabError):
        return []


def _insert(stack: SlurmStack, number: int) -> None:
    with stack.database() as client:
        client["mspass"]["kept"].insert_one({"_id": number})


def _states(stack: SlurmStack) -> dict[str, str]:
    """The state of all its jobs that Slurm remembers."""
    lines = stack.on.as_user("login", "squeue", "-h", "--states=all", "-o", "%i %T").splitlines()
    return {job: state for job, state in sorted(map(str.split, lines))}


def _is_running(stack: SlurmStack, job: str) -> bool:
    return _states(stack)[job] == "RUNNING"


def _opens(url: str) -> bool:
    try:
        return httpx.get(url, timeout=10, follow_redirects=True).is_success
    except httpx.HTTPError:
        return False


def test_each_job_goes_on_where_the_one_before_it_has_ended(stack: SlurmStack, slurm: SlurmCluster) -> None:
    stack.up()
    first, second, third = jobs = list(_states(stack))
    assert list(_states(stack).values()) == ["RUNNING", "PENDING", "PENDING"]
    _insert(stack, 1)
    node = stack.node("node0")
    with connected(stack) as ways:
        assert _opens(ways.url("Jupyter"))
        slurm.drain(node)
        try:
            # Its time is over early, and told by Slurm itself.
            slurm.execute("login", "scontrol", "update", f"JobId={first}", "TimeLimit=2")
            assert wait_until(lambda: _is_running(stack, second), 120, 0.5), stack.log()
        finally:
            slurm.resume(node)
        assert wait_until(lambda: _numbers(stack) == [1], 60, 0.5), stack.log()
        assert stack.node("node0") != node
        assert wait_until(lambda: _opens(ways.url("Jupyter")), 60), stack.log()
    said = stack.up()
    assert "ended by" not in said
    assert list(_states(stack)) == jobs
    assert f"{stack.counted()} unchanged" in stack.up()
    assert f"\nchain of 3 jobs: {first} STOPPED, {second} runs, {third} waits; " in stack.ask("status").stdout
    _insert(stack, 2)
    slurm.as_user("login", "scancel", "--signal=KILL", "--full", second)
    assert wait_until(lambda: _numbers(stack) == [1, 2], 120, 0.5), stack.log()
    assert list(_states(stack)) == jobs
    _insert(stack, 3)
    stack.up()
    assert list(_states(stack)) == jobs
    assert _numbers(stack) == [1, 2, 3]


def test_a_chain_that_is_used_up_is_followed_by_another_and_destroy_leaves_no_job_of_it(stack: SlurmStack) -> None:
    (last,) = [job.split()[0] for job in stack.jobs()]
    stack.on.as_user("login", "scancel", "--signal=USR1", "--batch", last)
    assert wait_until(lambda: not stack.jobs(), 60, 0.5), stack.log()
    former = _states(stack)
    said = stack.pulumi("preview").stdout
    assert f"job {last} ended by STOPPED at " in said
    assert "a new one is submitted (3 jobs of 1 node x 4:00)" in said
    stack.up()
    added = {job: state for job, state in _states(stack).items() if job not in former}
    assert list(added.values()) == ["RUNNING", "PENDING", "PENDING"]
    assert _numbers(stack) == [1, 2, 3]
    stack.destroy()
    assert not stack.jobs()
    assert [state for job, state in _states(stack).items() if job in added] == ["COMPLETED", "CANCELLED", "CANCELLED"]


@pytest.fixture
def _held(slurm: SlurmCluster) -> Iterator[None]:  # pyright: ignore[reportUnusedFunction]
    """Nodes on which somebody else has the port of the database."""
    for name in slurm.names:
        slurm.execute(name, "sh", "-c", f'setsid python3 -c "{LISTENS}" >/dev/null 2>&1 </dev/null &')
    yield
    for name in slurm.names:
        with suppress(LabError):
            slurm.execute(name, "pkill", "-f", "socket.create_server")


@pytest.mark.usefixtures("_held")
def test_jobs_that_refuse_their_nodes_do_not_use_up_the_chain(stack: SlurmStack, slurm: SlurmCluster) -> None:
    former = _states(stack)

    def added() -> dict[str, str]:
        return {job: state for job, state in _states(stack).items() if job not in former}

    said = stack.refused_up()
    first, second, _ = added()
    assert f"job {first} is over (FAILED); the nodes are not in order:" in said
    assert f"job {second} follows: pulumi up goes on with that" in said
    assert list(added().values()) == ["FAILED", "PENDING", "PENDING"]
    slurm.as_user("login", "scontrol", "update", f"JobId={second}", "StartTime=now")
    assert wait_until(lambda: not stack.jobs(), 60, 0.5), stack.log()
    assert list(added().values()) == ["FAILED", "FAILED", "CANCELLED"]
    assert "two jobs in a row did not get ready" in stack.log()
    note: dict[str, Any] = json.loads(slurm.as_user("login", "cat", f"{stack.directory}/run/chain/{first}.json"))
    assert [(start["state"], start["ready"]) for start in note["starts"]] == [("FAILED", False)]
