"""A node of workers is taken away, and added again, while the others go on; and what these have brought, and back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mspass_stack.polling import wait_until
from tests.e2e.staged import Seen, seen, stage
from tests.harness.project import Project
from tests.harness.slurm import SlurmCluster
from tests.harness.slurm_stack import SlurmStack

ROLES = "^(mongod|[^ ]*python[^ ]* .*(dask|jupyterlab)) "
"""The command lines of what the stack runs; a step of the agent is none of them."""

NODES = [f"node{number}" for number in range(5)]


WAVEFORMS, RESULTS = "/scratch/waveforms", "/scratch/results"


@pytest.fixture(scope="module")
def stack(project: Project, slurm: SlurmCluster) -> Iterator[SlurmStack]:
    """The manual's five nodes, up: the last three have workers."""
    _write(slurm, "a.mseed", "one")
    slurm.as_user("login", "mkdir", RESULTS)
    stack = SlurmStack(project, slurm, name="nodes", config={"stage": stage(WAVEFORMS, RESULTS)})
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


def _write(slurm: SlurmCluster, name: str, text: str) -> None:
    line = f"mkdir -p {WAVEFORMS} && printf %s {text} > {WAVEFORMS}/{name}"
    slurm.as_user("login", "sh", "-c", line)


def _staged(stack: SlurmStack, slurm: SlurmCluster) -> dict[str, str]:
    """What is on the own disk of each node that ever had workers."""
    line = "find /tmp/mspass-*-stage-* -type f -path '*/in/*/*' 2>/dev/null; true"
    return {node: slurm.execute(node, "sh", "-c", line) for node in slurm.names}


def test_workers_have_on_their_node_what_is_brought_once_and_nothing_is_copied_again(
    stack: SlurmStack, slurm: SlurmCluster, tmp_path: Path
) -> None:
    assert seen(stack, tmp_path, "one") == [Seen({"a.mseed": "one"}, True, WAVEFORMS)] * 3
    assert "brought to 3 nodes" in stack.log()
    with_workers = {stack.node(host) for host in ("node2", "node3", "node4")}
    assert {node for node, found in _staged(stack, slurm).items() if found} == with_workers
    assert f"{stack.counted()} unchanged" in stack.up()


def test_what_has_changed_in_the_source_is_brought_alone(
    stack: SlurmStack, slurm: SlurmCluster, tmp_path: Path
) -> None:
    _write(slurm, "b.mseed", "twotwo")
    ran = stack.ask("stage", "in")
    assert ran.returncode == 0, ran.stderr
    assert sorted(line.partition(":")[0] for line in ran.stdout.splitlines()) == ["node2", "node3", "node4"]
    assert seen(stack, tmp_path, "two") == [Seen({"a.mseed": "one", "b.mseed": "twotwo"}, True, WAVEFORMS)] * 3


def _results(stack: SlurmStack, slurm: SlurmCluster) -> dict[str, str]:
    line = f"cd {RESULTS} && for file in $(find . -type f); do echo $file $(cat $file); done"
    return dict(line.split() for line in slurm.as_user("login", "sh", "-c", line).splitlines())


def test_results_are_brought_back_when_asked_and_after_the_ordered_stop(
    stack: SlurmStack, slurm: SlurmCluster, tmp_path: Path
) -> None:
    ran = stack.ask("stage", "out")
    assert ran.returncode == 0, ran.stderr
    assert _results(stack, slurm) == {f"./node{number}/seen": "onetwo" for number in (2, 3, 4)}
    seen(stack, tmp_path, "three")
    slurm.as_user("login", "scancel", "--signal=USR1", "--batch", stack.job())
    assert wait_until(lambda: not stack.jobs(), 120, 0.3), stack.log()
    assert _results(stack, slurm) == {f"./node{number}/seen": "onetwothree" for number in (2, 3, 4)}
    assert "3 results brought back" in stack.log()
    assert not any(_staged(stack, slurm).values())


def test_a_source_that_cannot_be_read_ends_the_job_with_host_and_path(stack: SlurmStack, slurm: SlurmCluster) -> None:
    stack.cluster["stage"] = {"in": [{"from": "/scratch/nowhere"}], "out": [{"from": "/data/r", "to": "/proc/r"}]}
    stack.write()
    said = stack.refused_up()
    assert "mspass:cluster.stage.in[0].from: /scratch/nowhere is not there" in said
    assert "mspass:cluster.stage.out[0].to: /proc/r: /proc is no directory that can be written" in said
    stack.cluster["stage"] = stage(WAVEFORMS, RESULTS)
    stack.write()
    slurm.as_user("login", "mkfifo", f"{WAVEFORMS}/pipe")
    said = stack.refused_up()
    assert "what the workers want was not brought to their nodes: node2 (" in said
    assert f"{WAVEFORMS}/pipe: neither a file nor a directory" in said
    assert not any(_staged(stack, slurm).values())
