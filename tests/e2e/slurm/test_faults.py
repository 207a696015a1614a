"""What may happen to a job, while a client inserts: each acknowledged document is there afterwards, and one job is."""

from collections.abc import Iterator

import pytest

from mspass_stack.polling import wait_until
from tests.harness.project import Project
from tests.harness.slurm import SlurmCluster
from tests.harness.slurm_inserts import BY_ITSELF, inserting
from tests.harness.slurm_stack import SlurmStack


@pytest.fixture(scope="module")
def stack(project: Project, slurm: SlurmCluster) -> Iterator[SlurmStack]:
    """The manual's sharded figure, up."""
    stack = SlurmStack(project, slurm, "hpc-sharded")
    stack.up()
    yield stack
    stack.cancel()


def _kill(slurm: SlurmCluster, node: str, pattern: str) -> list[int]:
    """Kill the first process of a node whose command line matches; the pids of all that did."""
    pids = slurm.processes(node, pattern)
    assert pids, f"{node} has no {pattern}"
    slurm.execute(node, "kill", "-KILL", str(pids[0]))
    return pids


def _is_back(slurm: SlurmCluster, node: str, pattern: str, former: list[int]) -> bool:
    """Whether another process is in the place of one that was killed, before long."""

    def others() -> set[int]:
        return set(slurm.processes(node, pattern)) - set(former)

    return bool(wait_until(others, BY_ITSELF, 0.2))


SUPERVISORD = "supervisor-.* d -n"

ON_NODES = {
    "a shard's mongod": ("node1", "^mongod .*--replSet a"),
    "the config server's mongod": ("node0", "^mongod .*--replSet configserver"),
    "the program of a shard's step": ("node2", "agent-.* step .* shard-b-node2"),
    "a shard's srun": ("node0", "^srun .*--job-name=shard-a-node1"),
    "the router's srun": ("node0", "^srun .*--job-name=mongos-node0"),
}
"""What is killed, by what is healed by itself: the host, and its command line."""


@pytest.mark.parametrize("what", ON_NODES)
def test_what_is_killed_comes_back_by_itself(what: str, stack: SlurmStack, slurm: SlurmCluster) -> None:
    host, pattern = ON_NODES[what]
    job, node = stack.job(), stack.node(host)
    with inserting(stack, f"killed_{len(what)}"):
        former = _kill(slurm, node, pattern)
        assert _is_back(slurm, node, pattern, former), stack.log()
    assert stack.job() == job


def test_a_killed_supervisord_is_followed_by_another(stack: SlurmStack, slurm: SlurmCluster) -> None:
    job, first = stack.job(), stack.node("node0")
    with inserting(stack, "supervisord"):
        former = _kill(slurm, first, SUPERVISORD)
        assert _is_back(slurm, first, SUPERVISORD, former), stack.log()
    assert stack.job() == job
    stack.up()


def test_workers_are_there_again_after_a_kill(stack: SlurmStack, slurm: SlurmCluster) -> None:
    node, pattern = stack.node("node3"), "^python3 .*dask.*worker-node3"
    former = _kill(slurm, node, pattern)
    assert _is_back(slurm, node, pattern, former), stack.log()
    assert wait_until(lambda: stack.ask("status").returncode == 0, BY_ITSELF, 1), stack.ask("status").stdout


@pytest.mark.parametrize("how", ["scancel", "the batch script is killed"])
def test_a_job_that_was_ended_is_followed_by_another(how: str, stack: SlurmStack, slurm: SlurmCluster) -> None:
    former = stack.job()
    with inserting(stack, f"ended_{len(how)}"):
        if how == "scancel":
            slurm.as_user("login", "scancel", former)
        else:
            _kill(slurm, stack.node("node0"), "agent-.* job ")
        assert wait_until(lambda: not stack.jobs(), 90, 0.5), stack.log()
        assert f"job {former} ended by " in stack.up()
    assert stack.job() != former


def test_a_crashed_node_costs_a_requeue_and_nothing_else(stack: SlurmStack, slurm: SlurmCluster) -> None:
    job, node = stack.job(), stack.node("node1")
    with inserting(stack, "crashed"):
        slurm.crash(node)
        assert wait_until(lambda: f"{job} PENDING" in stack.jobs(), 120, 1), stack.jobs()
        # Slurm holds a requeued job back for two minutes, which its owner may lift.
        slurm.as_user("login", "scontrol", "update", f"JobId={job}", "StartTime=now")
        assert wait_until(lambda: f"{job} RUNNING" in stack.jobs(), 60, 1), stack.jobs()
    assert stack.job() == job
    slurm.power_on(node)
    stack.up()


def test_a_node_that_slurm_has_lost_keeps_no_database_that_the_job_has_elsewhere(
    stack: SlurmStack, slurm: SlurmCluster
) -> None:
    job, node = stack.job(), stack.node("node1")
    left = slurm.processes(node, "^mongod .*--replSet a")
    assert left
    with inserting(stack, "lost"):
        _kill(slurm, node, "^(/usr/sbin/)?slurmd")
        assert wait_until(lambda: f"{job} PENDING" in stack.jobs(), 120, 1), stack.jobs()
        assert set(left) <= set(slurm.processes(node, "^mongod")), "nobody is there to end it"
        slurm.as_user("login", "scontrol", "update", f"JobId={job}", "StartTime=now")
        assert wait_until(lambda: f"{job} RUNNING" in stack.jobs(), 60, 1), stack.jobs()
        assert wait_until(lambda: not set(left) & set(slurm.processes(node, "^mongod")), BY_ITSELF, 0.5), stack.log()
    said = slurm.as_user("login", "cat", f"{stack.directory}/log/shard-a-node1.log")
    assert "another job has the data: killed" in said
    assert stack.job() == job
    slurm.power_on(node)
    stack.up()


def test_slurm_s_own_restart_is_not_felt(stack: SlurmStack, slurm: SlurmCluster) -> None:
    job = stack.job()
    with inserting(stack, "controller"):
        slurm.kill_slurmctld()
        slurm.start_slurmctld()
    assert stack.job() == job


def test_the_job_script_submitted_once_more_by_hand_waits(stack: SlurmStack, slurm: SlurmCluster) -> None:
    job = stack.job()
    name = slurm.as_user("login", "squeue", "-h", "-j", job, "-o", "%j").strip()
    script = f"{stack.directory}/run/job.sh"
    words = (f"--job-name={name}", "--nodes=1", "--mem=100M", "--output=/scratch/mspass/again.log", script)
    again = slurm.as_user("login", "sbatch", "--parsable", *words).strip()
    try:
        # Without our dependency it starts, finds the data held, and opens nothing.
        assert wait_until(lambda: f"{again} RUNNING" in stack.jobs(), 30, 0.5), stack.jobs()
        with inserting(stack, "again"):
            assert f"{again} RUNNING" in stack.jobs()
    finally:
        slurm.as_user("login", "scancel", "--signal=KILL", "--full", again)
    assert wait_until(lambda: len(stack.jobs()) == 1, 60, 0.5), stack.jobs()
    assert stack.job() == job


def test_a_login_host_that_is_gone_for_a_while_is_not_felt_by_the_job(stack: SlurmStack, slurm: SlurmCluster) -> None:
    job = stack.job()
    with inserting(stack, "login") as inserts:
        slurm.unplug()
        try:
            # Slurm's controller is there too: nothing can be asked, and all goes on.
            assert inserts.goes_on()
        finally:
            slurm.plug()
    assert stack.job() == job
    stack.expect_unchanged()


def test_the_end_of_its_time_comes_after_an_ordered_stop(stack: SlurmStack, slurm: SlurmCluster) -> None:
    former = stack.job()
    with inserting(stack, "walltime"):
        # Only its owner may shorten it: two minutes before the end, a minute more or less, it is told to stop.
        now = slurm.as_user("login", "squeue", "-h", "-j", former, "-o", "%M").strip().split(":")
        minutes = int(now[-2]) + 4
        slurm.as_user("login", "scontrol", "update", f"JobId={former}", f"TimeLimit={minutes}")
        assert wait_until(lambda: not stack.jobs(), 240, 1), stack.jobs()
        assert "STOPPED: all is stopped" in stack.log().partition(f"job {former}.")[2]
        assert f"job {former} ended by STOPPED" in stack.up()
