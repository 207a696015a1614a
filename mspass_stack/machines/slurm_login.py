"""Slurm's own commands on a login host: submit, look, signal, cancel (Slurm manual, "sbatch", "squeue", "scancel")."""

from collections.abc import Sequence
from dataclasses import dataclass

from mspass_stack.errors import Refused
from mspass_stack.machines.base import CompletedCommand, Machine

MARK = "mspass-stack-output"

SCRIPT = f"""\
for name in $(env | sed -n 's/^\\(\\(SLURM\\|SBATCH\\|SRUN\\|SQUEUE\\)_[A-Z0-9_]*\\)=.*/\\1/p')
do [ "$name" = SLURM_CONF ] || unset "$name"; done
command -v "$1" >/dev/null || . /etc/profile >/dev/null 2>&1
echo {MARK}
exec "$@"
"""
"""Runs a command without the variables that it would take options from. What a shell of the site says before is not its
output; where Slurm is not on the PATH of such a shell, the login's own has it."""

FIELDS = "%i|%T|%r|%S|%e|%N|%k"
"""What `squeue` is asked for: id, state, reason, start, end, nodes, comment."""

UNKNOWN = "Invalid job id"
"""What Slurm says of a job that it has forgotten."""


@dataclass(frozen=True)
class JobStatus:
    """What Slurm says of a job.

    Attributes:
        reason: why it waits, in Slurm's words.
        start, end: as Slurm writes them, or N/A; of a job that waits the estimate.
        nodes: as a host list.
    """

    id: str
    state: str
    reason: str
    start: str
    end: str
    nodes: str
    comment: str


class SlurmLogin:
    """Slurm, asked on a login host."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def submit(self, words: Sequence[str]) -> str:
        """Submit a job; return its id.

        Raises:
            Refused: Slurm does not take it; with what it says.
        """
        ran = self._run(["sbatch", "--parsable", *words])
        if ran.status:
            raise Refused(f"sbatch refuses: {_said(ran)}")
        return ran.stdout.split(";")[0].strip()

    def test(self, words: Sequence[str]) -> str:
        """Ask whether Slurm would take a job; return what it says of its start.

        Raises:
            Refused: it would not; with what it says.
        """
        ran = self._run(["sbatch", "--test-only", *words])
        if ran.status:
            raise Refused(f"sbatch refuses: {_said(ran)}")
        return _said(ran)

    def named(self, name: str) -> list[JobStatus]:
        """Return the user's jobs of a name that Slurm knows, the last one first."""
        found = self._jobs("--me", f"--name={name}")
        return sorted(found, key=lambda job: int(job.id), reverse=True)

    def job(self, id: str) -> JobStatus | None:
        """Return what Slurm says of a job; None where it knows it no more."""
        return next(iter(self._jobs("-j", id)), None)

    def stop(self, id: str) -> None:
        """Tell a job's batch script to stop it in order."""
        self._run(["scancel", "--signal=USR1", "--batch", id])

    def cancel(self, id: str, *words: str) -> None:
        self._run(["scancel", *words, id])

    def _jobs(self, *words: str) -> list[JobStatus]:
        ran = self._run(["squeue", "-h", "--states=all", *words, "-o", FIELDS])
        if ran.status:
            if UNKNOWN in ran.stderr:
                return []
            raise Refused(f"squeue: {_said(ran)}")
        lines = [line.split("|", 6) for line in ran.stdout.splitlines() if line.count("|") >= 6]
        return [JobStatus(*(field.strip() for field in line)) for line in lines]

    def _run(self, argv: Sequence[str]) -> CompletedCommand:
        ran = self._machine.run(["sh", "-c", SCRIPT, "sh", *argv])
        before, mark, output = ran.stdout.partition(f"{MARK}\n")
        return CompletedCommand(ran.status, output if mark else before, ran.stderr)


def _said(ran: CompletedCommand) -> str:
    return (ran.stderr or ran.stdout).strip().removeprefix("sbatch: ").removeprefix("error: ")
