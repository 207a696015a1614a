"""What a job of a stack stands on, in an old Slurm as in a new one: what srun does with signals, and steps at once."""

import shlex
from collections.abc import Iterator

import pytest

from mspass_stack.errors import Refused
from mspass_stack.machines import machine
from mspass_stack.machines.slurm_login import SlurmLogin
from mspass_stack.polling import wait_until
from mspass_stack.spec.connection import ConnectionSpec
from tests.harness.slurm import SlurmCluster
from tests.harness.slurm.network import LOGIN
from tests.harness.slurm.tree import BOOKWORM, SID

RELEASES = {SID: "", BOOKWORM: " 22.05."}
"""What srun says of itself, by the release of Debian: sid moves."""

TASK = """
import signal, sys, time
log = open(sys.argv[1], "a", buffering=1)
for name in ("TERM", "HUP", "QUIT", "INT", "USR1", "USR2"):
    signal.signal(getattr(signal, "SIG" + name), lambda number, _: print(signal.Signals(number).name[3:], file=log))
print("began", file=log)
while True:
    time.sleep(0.05)
"""
"""Writes down which signals it gets, and ends by none of them."""

STEP = ("--nodes=1", "--ntasks=1", "--overlap", "--mem=0", "--cpu-bind=none", "--unbuffered", "--input=none")
"""How each process of a stack is started (`mspass_stack.agent.slurm`)."""

SOON = 20.0
"""Seconds within which what is done at once is done on a busy machine; less than KillWait."""


class Step:
    """A step that a srun on the login host carries, in a job of one node."""

    def __init__(self, cluster: SlurmCluster, job: str, name: str) -> None:
        self._cluster, self._name, self._log = cluster, name, f"/scratch/{name}"
        words = shlex.join(
            ["srun", f"--jobid={job}", f"--job-name={name}", *STEP, "python3", "-I", "-c", TASK, self._log]
        )
        cluster.as_user(LOGIN, "sh", "-c", f"rm -f {self._log}; setsid {words} > {self._log}.srun 2>&1 < /dev/null &")
        assert wait_until(lambda: self.got() == [], SOON), self.said()

    def got(self) -> list[str] | None:
        """The signals that the task was given; None before it begins."""
        lines = self._cluster.as_user(LOGIN, "cat", self._log, check=False).split()
        return lines[1:] if lines else None

    def said(self) -> str:
        return self._cluster.as_user(LOGIN, "cat", f"{self._log}.srun", check=False)

    def is_alive(self) -> bool:
        return bool(self._cluster.processes("n1", f"{self._log}$"))

    def has_srun(self) -> bool:
        return bool(self._sruns())

    def send(self, signal: str) -> None:
        """Send a signal to srun, and to no other process of it."""
        self._cluster.execute(LOGIN, "kill", f"-{signal}", str(min(self._sruns())))

    def _sruns(self) -> list[int]:
        return self._cluster.processes(LOGIN, f"^srun .*--job-name={self._name} ")


@pytest.fixture(scope="module", params=sorted(RELEASES))
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmCluster]:
    """One node, of each release in turn."""
    cluster = SlurmCluster(tmp_path_factory.mktemp("slurm"), 1, release=request.param)
    try:
        cluster.up()
        assert RELEASES[request.param] in cluster.execute(LOGIN, "srun", "--version")
        yield cluster
    finally:
        cluster.close()


@pytest.fixture(scope="module")
def job(cluster: SlurmCluster) -> str:
    """A job that has one core of the node."""
    words = ("--parsable", "--ntasks=1", "--cpus-per-task=1", "--mem=400", "--output=/dev/null", "--wrap=sleep 1000")
    job = cluster.as_user(LOGIN, "sbatch", *words).strip()
    assert wait_until(lambda: "R" in cluster.as_user(LOGIN, "squeue", "-h", "-j", job, "-o", "%t"), SOON)
    return job


@pytest.mark.parametrize("signal", ["TERM", "HUP", "QUIT"])
def test_what_ends_srun_kills_the_task_without_a_word(cluster: SlurmCluster, job: str, signal: str) -> None:
    step = Step(cluster, job, f"ends-{signal}")
    step.send(signal)
    assert wait_until(lambda: not step.is_alive(), SOON), step.said()
    assert wait_until(lambda: not step.has_srun(), SOON), step.said()
    assert step.got() == []


@pytest.mark.parametrize("signal", ["USR1", "USR2"])
def test_these_two_are_handed_on(cluster: SlurmCluster, job: str, signal: str) -> None:
    step = Step(cluster, job, f"handed-{signal}")
    step.send(signal)
    assert wait_until(lambda: step.got() == [signal], SOON), step.said()
    assert step.has_srun()
    assert step.is_alive()
    step.send("TERM")
    assert wait_until(lambda: not step.is_alive(), SOON)


def test_one_int_is_a_question_to_whoever_types(cluster: SlurmCluster, job: str) -> None:
    step = Step(cluster, job, "asked")
    step.send("INT")
    assert wait_until(lambda: "one more within 1 sec to abort" in step.said(), SOON), step.said()
    step.send("USR1")
    assert wait_until(lambda: step.got() == ["USR1"], SOON), step.said()
    step.send("TERM")
    assert wait_until(lambda: not step.is_alive(), SOON)


def test_a_srun_that_is_killed_alone_takes_its_step_along(cluster: SlurmCluster, job: str) -> None:
    step = Step(cluster, job, "killed")
    step.send("KILL")
    assert wait_until(lambda: not step.is_alive(), SOON), step.said()
    assert step.got() == []


def test_steps_that_overlap_run_at_once_on_one_core_and_leave_room_for_others(cluster: SlurmCluster, job: str) -> None:
    steps = [Step(cluster, job, f"beside-{number}") for number in range(5)]
    assert all(step.is_alive() for step in steps)
    names = cluster.as_user(LOGIN, "squeue", "-h", "--steps", f"--jobs={job}", "-o", "%j").split()
    assert {f"beside-{number}" for number in range(5)} <= set(names)
    plain = ("srun", f"--jobid={job}", "--nodes=1", "--ntasks=1", "--immediate=10")
    assert cluster.as_user(LOGIN, *plain, "hostname") == "n1\n"
    for step in steps:
        step.send("TERM")
    assert wait_until(lambda: not any(step.is_alive() for step in steps), SOON)


def test_what_is_asked_of_slurm_is_answered_in_the_same_words(cluster: SlurmCluster, job: str) -> None:
    files = {"key": str(cluster.key), "known_hosts": str(cluster.known_hosts)}
    reached = {"host": LOGIN, "address": cluster.login_address, "user": cluster.user, **files}
    slurm = SlurmLogin(machine(ConnectionSpec.model_validate(reached)))
    assert slurm.lacks() == []
    known = slurm.job(job)
    assert known
    assert (known.state, known.nodes, known.count, known.comment) == ("RUNNING", "n1", "1", "(null)")
    options = ("--nodes=1", "--time=10:00", "--requeue", "--signal=B:USR1@60")
    assert slurm.test(options).startswith(f"Job {int(job) + 1} to start at ")
    with pytest.raises(Refused, match=r"^sbatch refuses: .*node configuration is not available"):
        slurm.test(("--nodes=2",))
    cluster.as_user(LOGIN, "sh", "-c", "echo '#!/bin/sh\nsleep 1000' > /scratch/job.sh")
    words = (
        "--job-name=mspass-x",
        "--comment=mine",
        "--dependency=singleton",
        "--open-mode=append",
        "--output=/dev/null",
    )
    first, second = (slurm.submit([*words, *options, "--mem=400", "/scratch/job.sh"]) for _ in range(2))
    assert wait_until(lambda: [one.state for one in slurm.named("mspass-x", "mine")] == ["PENDING", "RUNNING"], SOON)
    assert [(one.id, one.reason) for one in slurm.named("mspass-x", "mine")] == [
        (second, "Dependency"),
        (first, "None"),
    ]
    slurm.cancel(second, "--state=PENDING")
    slurm.cancel(first, "--state=PENDING")
    assert wait_until(lambda: [one.state for one in slurm.named("mspass-x", "mine")] == ["CANCELLED", "RUNNING"], SOON)
    slurm.stop(first)
    assert wait_until(lambda: (one := slurm.job(first)) is not None and one.is_over, SOON)
    assert slurm.job("999999") is None
