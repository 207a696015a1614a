"""A node of workers is taken away, and added again, while the others go on."""

from collections.abc import Iterator

import pytest

from tests.harness.project import Project
from tests.harness.slurm import SlurmCluster
from tests.harness.slurm_stack import SlurmStack

ROLES = "^(mongod|[^ ]*python[^ ]* .*(dask|jupyterlab)) "
"""The command lines of what the stack runs; a step of the agent is none of them."""

NODES = [f"node{number}" for number in range(5)]


@pytest.fixture(scope="module")
def stack(project: Project, slurm: SlurmCluster) -> Iterator[SlurmStack]:
    """The manual's five nodes, up: the last three have workers."""
    stack = SlurmStack(project, slurm, name="nodes")
    stack.up()
    yield stack
    stack.cancel()


def _running(stack: SlurmStack, slurm: SlurmCluster) -> dict[str, set[str]]:
    """Return what runs, each process with its pid and its start, by host."""
    found: dict[str, set[str]] = {}
    for host in NODES:
        node = stack.node(host)
        pids = [str(pid) for pid in slurm.processes(node, ROLES)]
        starts = slurm.execute(node, "ps", "-o", "pid=,lstart=", "-p", ",".join(pids), check=False) if pids else ""
        found[host] = {line.strip() for line in starts.splitlines()}
    return found


def _with_workers(stack: SlurmStack, hosts: str, **more: object) -> None:
    stack.cluster["pool"]["workers"] = {hosts: {"memory": "512MiB", "processes": 1}, **more}
    stack.write()


def test_a_node_is_taken_away_and_added_again_and_no_other_process_is_touched(
    stack: SlurmStack, slurm: SlurmCluster
) -> None:
    _with_workers(stack, "node[2-4]")
    stack.up()
    before = _running(stack, slurm)
    assert all(before.values())

    _with_workers(stack, "node[2-3]")
    said = stack.up()
    assert "not drained" not in said
    assert _running(stack, slurm) == {**before, "node4": set()}
    assert not slurm.as_user("login", "sh", "-c", f"ls {stack.directory}/run | grep worker-node4 || true").strip()

    _with_workers(stack, "node[2-4]")
    stack.up()
    after = _running(stack, slurm)
    assert after["node4"]
    assert after["node4"] != before["node4"]
    assert {**after, "node4": set()} == {**before, "node4": set()}
    stack.expect_unchanged()


def test_a_node_that_is_changed_restarts_alone(stack: SlurmStack, slurm: SlurmCluster) -> None:
    before = _running(stack, slurm)
    _with_workers(stack, "node[2-3]", node4={"memory": "400MiB", "processes": 1})
    stack.up()
    after = _running(stack, slurm)
    assert after["node4"] != before["node4"]
    assert {**after, "node4": set()} == {**before, "node4": set()}


def test_a_program_that_is_gone_is_written_again_and_touches_no_other(stack: SlurmStack, slurm: SlurmCluster) -> None:
    before = _running(stack, slurm)
    run = f"{stack.directory}/run"
    slurm.as_user("login", "rm", f"{run}/worker-node3.sh", f"{run}/programs/worker-node3.ini")
    stack.up()
    assert slurm.as_user("login", "ls", f"{run}/worker-node3.sh", f"{run}/programs/worker-node3.ini")
    after = _running(stack, slurm)
    assert after["node3"]
    assert {**after, "node3": set()} == {**before, "node3": set()}


def test_all_of_it_is_verified_afterwards(stack: SlurmStack) -> None:
    ran = stack.verify()
    assert ran.returncode == 0, ran.stdout
