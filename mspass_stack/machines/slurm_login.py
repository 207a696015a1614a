"""Slurm's own commands on a login host: submit, look, signal, cancel (Slurm manual, "sbatch", "squeue", "scancel")."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mspass_stack.agent.slurm import ENDED, STEP
from mspass_stack.errors import Refused
from mspass_stack.machines.base import CompletedCommand, Machine
from mspass_stack.spec.job import job_comment, job_name

MARK = "mspass-stack-output"

SCRIPT = f"""\
for name in $(env | sed -n 's/^\\(\\(SLURM\\|SBATCH\\|SRUN\\|SQUEUE\\)_[A-Z0-9_]*\\)=.*/\\1/p')
do [ "$name" = SLURM_CONF ] || unset "$name"; done
command -v "$1" >/dev/null || exec bash -l -c 'echo {MARK}; exec "$@"' bash "$@"
echo {MARK}
exec "$@"
"""
"""Runs a command without the variables that it would take options from. What a shell of the site says before is not its
output; where Slurm is not on the PATH of such a shell, a login's has it."""

COMMANDS = ("sbatch", "squeue", "scancel", "srun")
"""What is asked of Slurm on a login host."""

LOOK = """\
for name; do
    command -v "$name" >/dev/null || bash -l -c 'command -v "$1"' bash "$name" >/dev/null 2>&1 || echo "lacks $name"
done
"""

EMPTY = "#!/bin/sh\n"
"""A batch script of which nothing but its options is judged."""

DETACHED = 'log=$1; shift; setsid nohup "$@" >>"$log" 2>&1 </dev/null &'
"""Starts a command that the end of a terminal does not end."""

APPENDED = 'exec bash -l "$1" >>"$2" 2>&1'
"""Runs a script, which writes its log itself: it outlives its srun's output."""

FIELDS = "%i|%T|%r|%S|%e|%N|%L|%M|%D|%k"
"""What `squeue` is asked for: id, state, reason, start, end, nodes, time left and used, their number, comment."""

UNKNOWN = "Invalid job id"
"""What Slurm says of a job that it has forgotten."""


@dataclass(frozen=True)
class JobStatus:
    """What Slurm says of a job.

    Attributes:
        reason: why it waits, in Slurm's words.
        start, end: as Slurm writes them, or N/A; of a job that waits the estimate.
        nodes: as a host list.
        left, used: of its time, as Slurm writes it: [D-][H:]M:S.
        count: how many nodes it has or asks for.
    """

    id: str
    state: str
    reason: str
    start: str
    end: str
    nodes: str
    left: str
    used: str
    count: str
    comment: str

    @property
    def is_over(self) -> bool:
        return self.state in ENDED

    @property
    def node_hours(self) -> float:
        """What it has used of what is charged."""
        days, _, clock = self.used.rpartition("-")
        seconds = 0
        for part in clock.split(":"):
            seconds = seconds * 60 + int(part)
        return (int(days or 0) * 24 + seconds / 3600) * int(self.count)


def alive(jobs: Iterable[JobStatus]) -> list[JobStatus]:
    """Return those of the jobs of a stack that are not over, in the order in which they run."""
    return sorted((job for job in jobs if not job.is_over), key=lambda job: (job.state == "PENDING", int(job.id)))


class SlurmLogin:
    """Slurm, asked on a login host."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def lacks(self) -> list[str]:
        """Return the commands of Slurm that are not there."""
        lines = self._machine.run(["sh", "-c", LOOK, "sh", *COMMANDS]).stdout.splitlines()
        return [name for name in COMMANDS if f"lacks {name}" in lines]

    def submit(self, words: Sequence[str]) -> str:
        """Submit a job; return its id.

        Raises:
            Refused: Slurm does not take it; with what it says.
        """
        ran = self._run(["sbatch", "--parsable", *words])
        if ran.status:
            raise Refused(f"sbatch refuses: {_said(ran)}")
        return ran.stdout.split(";")[0].strip()

    def test(self, options: Sequence[str]) -> str:
        """Ask whether Slurm would take a job; return what it says of its start. Nothing is submitted or written.

        Raises:
            Refused: it would not; with what it says.
        """
        ran = self._run(["sbatch", "--test-only", *options], EMPTY)
        if ran.status:
            raise Refused(f"sbatch refuses: {_said(ran)}")
        return _said(ran)

    def own(self, stack: str, stack_id: str, stack_dir: str) -> list[JobStatus]:
        """Return the jobs of a stack that Slurm knows, the last one first: by their name, and by what they say."""
        return self.named(job_name(stack, stack_id), job_comment(stack_id, stack_dir))

    def named(self, name: str, comment: str) -> list[JobStatus]:
        """Return the user's jobs of a name and with a comment that Slurm knows, the last one first."""
        found = self._jobs("--me", f"--name={name}")
        return sorted((job for job in found if job.comment == comment), key=lambda job: int(job.id), reverse=True)

    def job(self, id: str) -> JobStatus | None:
        """Return what Slurm says of a job; None where it knows it no more."""
        return next(iter(self._jobs("-j", id)), None)

    def resources(self, id: str) -> str:
        """Return the generic resources that a job has of each node, in Slurm's words."""
        return self._run(["squeue", "-h", "-j", id, "-o", "%b"]).stdout.strip()

    def stop(self, id: str) -> None:
        """Tell a job's batch script to stop it in order."""
        self._run(["scancel", "--signal=USR1", "--batch", id])

    def cancel(self, id: str, *words: str) -> None:
        self._run(["scancel", *words, id])

    def steps(self, job: str) -> dict[str, str]:
        """Return the names of the steps of a job, by JOB.NUMBER."""
        ran = self._run(["squeue", "-h", "--steps", "-j", job, "-o", "%i|%j"])
        if ran.status and UNKNOWN not in ran.stderr:
            raise Refused(f"squeue: {_said(ran)}")
        lines = (line.strip().partition("|") for line in ran.stdout.splitlines())
        return {id: name for id, _, name in lines}

    def step(self, job: str, name: str) -> str:
        """Return the step of a name that a job has; empty where it has none."""
        return next((id for id, found in self.steps(job).items() if found == name), "")

    def start_step(self, job: str, name: str, launcher: Sequence[str], script: str, log: str) -> None:
        """Start a script in a step on the first node of a job, which goes on when nobody is there any more.

        Args:
            log: the directory for what it says.
        """
        which = (f"--jobid={job}", f"--job-name={name}")
        step = [*which, "--relative=0", *STEP, "--input=none", "--quit-on-interrupt", *launcher]
        task = ["sh", "-c", APPENDED, "sh", script, f"{log}/job.log"]
        self._run(["sh", "-c", DETACHED, "sh", f"{log}/job.srun.log", "srun", *step, *task])

    def signal(self, step: str) -> None:
        """Tell the program of a step to stop in order."""
        self._run(["scancel", "--signal=USR1", step])

    def _jobs(self, *words: str) -> list[JobStatus]:
        ran = self._run(["squeue", "-h", "--states=all", *words, "-o", FIELDS])
        if ran.status:
            if UNKNOWN in ran.stderr:
                return []
            raise Refused(f"squeue: {_said(ran)}")
        most = FIELDS.count("|")
        lines = [line.split("|", most) for line in ran.stdout.splitlines() if line.count("|") >= most]
        return [JobStatus(*(field.strip() for field in line)) for line in lines]

    def _run(self, argv: Sequence[str], stdin: str = "") -> CompletedCommand:
        ran = self._machine.run(["sh", "-c", SCRIPT, "sh", *argv], stdin)
        before, mark, output = ran.stdout.partition(f"{MARK}\n")
        return CompletedCommand(ran.status, output if mark else before, ran.stderr)


def _said(ran: CompletedCommand) -> str:
    lines = (ran.stderr.strip() or ran.stdout.strip()).splitlines()
    return "; ".join(line.strip().removeprefix("sbatch: ").removeprefix("error: ") for line in lines)
