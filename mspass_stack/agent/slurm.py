"""Speak with Slurm from inside of a job."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

ANSWER = 30.0
"""Seconds for an answer of the controller."""

PATIENCE = 600.0
"""Seconds for an outage of the controller."""

PAUSE = 2.0
"""Seconds between two questions."""

T = TypeVar("T")

ENDED = frozenset(
    {
        *("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED"),
        *("REVOKED", "SPECIAL_EXIT", "TIMEOUT"),
    }
)
"""States of a job that is over (squeue(1), "Job state codes"); not COMPLETING, SUSPENDED and the like."""

OPTIONS = ("SLURM_", "SRUN_", "SBATCH_")
"""Prefixes of the variables from which srun and sbatch take options."""

KEPT = frozenset({"SLURM_JOB_ID", "SLURM_CONF"})
"""What says which job and which cluster is meant."""

STEP = ("--nodes=1", "--ntasks=1", "--overlap", "--mem=0", "--cpu-bind=none", "--unbuffered")
"""A step beside all others of its job, which takes nothing from them: neither `--exact` nor `-c`, which pin it."""


SHARE = re.compile(r"\bNodes=(\S+) CPU_IDs=([\d,-]+) Mem=(\d+)")
"""What a job has of some nodes, as `scontrol show job -d` says it."""


class NoAnswerError(Exception):
    """Tell that the controller does not answer."""


def clean(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without what srun and sbatch would take for options."""
    return {name: value for name, value in environment.items() if name in KEPT or not name.startswith(OPTIONS)}


def step(node: str, name: str, launcher: Sequence[str], *argv: str) -> list[str]:
    """Return the command line of a step.

    Args:
        node: Slurm's name of it.
        name: of the step, as `squeue -s` shows it.
        launcher: more words for srun.
        argv: the task.
    """
    return ["srun", f"--job-name={name}", *STEP, f"--nodelist={node}", "--input=none", *launcher, *argv]


def launcher_of(run: Path) -> list[str]:
    """Return the words by which the job of a run directory launches its steps."""
    return list(json.loads((run / "job.json").read_text(encoding="utf-8"))["launcher"])


def own(*words: str) -> list[str]:
    """Return the command line by which this very program runs, here or as the task of a step."""
    return [sys.executable, "-I", str(Path(sys.argv[0]).resolve()), *words]


def tell(known: Mapping[str, object]) -> None:
    """Print an object of JSON as one line, in one piece: the tasks of a step share their output."""
    sys.stdout.write(json.dumps(known) + "\n")
    sys.stdout.flush()


def step_on_each(nodes: Sequence[str], name: str, launcher: Sequence[str], *argv: str) -> list[str]:
    """Return the command line of a step with a task on each of some nodes."""
    count = (f"--nodes={len(nodes)}", f"--ntasks={len(nodes)}", "--ntasks-per-node=1")
    places = (*count, *STEP[2:], f"--nodelist={','.join(nodes)}", "--input=none")
    return ["srun", f"--job-name={name}", *places, *launcher, *argv]


def end_step(step: subprocess.Popen[bytes], grace: float) -> None:
    """End a step that runs, by its srun.

    Args:
        grace: seconds until it is killed.
    """
    step.send_signal(signal.SIGUSR1)  # the one that srun hands on
    with suppress(subprocess.TimeoutExpired):
        step.wait(grace)
    step.kill()
    step.wait()


def job_states(job: str) -> list[str]:
    """Return the states of a job; nothing where Slurm knows none of that number any more.

    Raises:
        NoAnswerError: the controller does not answer.
    """
    ran = _ask("squeue", "-h", "-j", job, "--states=all", "-o", "%T")
    if ran.returncode and "Invalid job id" not in ran.stderr:
        raise NoAnswerError(ran.stderr.strip())
    return [] if ran.returncode else ran.stdout.split()


def insist(step: Callable[[], T]) -> T:
    """Ask until the controller answers: an outage of it must not cost a job that has just got its nodes.

    Raises:
        NoAnswerError: it does not for very long.
    """
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return step()
        except NoAnswerError:
            if time.monotonic() > end:
                raise
            time.sleep(PAUSE)


def nodes_of(job: str) -> list[str]:
    """Return the nodes of a running job in Slurm's order.

    Raises:
        NoAnswerError: the controller does not answer.
    """
    # Not SLURM_JOB_NODELIST, which inside of a step is that of the step.
    found = _ask("squeue", "-h", "-j", job, "-o", "%N")
    if found.returncode or not found.stdout.strip():
        raise NoAnswerError(found.stderr.strip() or f"job {job} has no nodes")
    return _ask("scontrol", "show", "hostnames", found.stdout.strip()).stdout.split()


def sizes_of(job: str) -> dict[str, dict[str, int]]:
    """Return what a running job has of each node: `cores`, and `memory` in MiB; 0 where Slurm does not share it out."""
    found: dict[str, dict[str, int]] = {}
    for nodes, cores, memory in SHARE.findall(_ask("scontrol", "show", "job", "-d", "-o", job).stdout):
        size = {"cores": _count(cores), "memory": int(memory)}
        found.update(dict.fromkeys(_ask("scontrol", "show", "hostnames", nodes).stdout.split(), size))
    return found


def end_of(job: str) -> str:
    """Return when a job's time is over, as Slurm writes it; empty when it does not say."""
    ran = _ask("squeue", "-h", "-j", job, "-o", "%e")
    return "" if ran.returncode else ran.stdout.strip()


def forbid_requeue(job: str) -> bool:
    """Have Slurm not requeue a job again; whether it says so."""
    try:
        return _ask("scontrol", "update", f"JobId={job}", "Requeue=0").returncode == 0
    except NoAnswerError:
        return False


def waiting(name: str, comment: str) -> list[str]:
    """Return the user's jobs of a name and with a comment that wait, in the order in which they will run.

    Raises:
        NoAnswerError: the controller does not answer.
    """
    lines = _ask("squeue", "-h", "--me", f"--name={name}", "--states=PENDING", "-o", "%i|%k").stdout.splitlines()
    found = (line.partition("|") for line in lines)
    return sorted((id for id, _, known in found if known.strip() == comment), key=int)


def steps_of(job: str) -> dict[str, str]:
    """Return the names of the steps of a job by JOB.NUMBER, without those that Slurm itself has made.

    Raises:
        NoAnswerError: the controller does not answer.
    """
    lines = _ask("squeue", "-h", "--steps", "-j", job, "-o", "%i|%j").stdout.splitlines()
    found = (line.strip().partition("|") for line in lines)
    return {id: name for id, _, name in found if id.rpartition(".")[2].isdigit()}


def stop(steps: Iterable[str]) -> None:
    """Have the programs of steps stop."""
    _ask("scancel", "--signal=USR1", *steps)


def end(steps: Iterable[str]) -> None:
    """End steps, whatever their programs do."""
    _ask("scancel", *steps)


def delay(job: str, seconds: int) -> bool:
    """Have a job that waits not start before so many seconds are over; whether Slurm does it."""
    return _ask("scontrol", "update", f"JobId={job}", f"StartTime=now+{seconds}").returncode == 0


def cancel(jobs: Sequence[str]) -> None:
    """Take jobs that wait out of the queue."""
    _ask("scancel", "--state=PENDING", *jobs)


def _count(numbers: str) -> int:
    """Count what a list like `0-3,8` has."""
    ends = [part.split("-") for part in numbers.split(",")]
    return sum(int(end[-1]) - int(end[0]) + 1 for end in ends)


def _ask(*argv: str) -> subprocess.CompletedProcess[str]:
    environment = clean(os.environ)
    try:
        return subprocess.run(argv, env=environment, capture_output=True, text=True, errors="replace", timeout=ANSWER)
    except subprocess.TimeoutExpired:
        raise NoAnswerError(f"{argv[0]} has not answered within {ANSWER:g} s") from None
