"""The jobs of a stack that wait or run: one, or a chain of which each goes on where the one before it has ended."""

import json
from collections.abc import Callable

from mspass_stack.agent.chain import FOLDER, JOBS
from mspass_stack.errors import Refused
from mspass_stack.machines.slurm import SlurmNode
from mspass_stack.machines.slurm_login import JobStatus, SlurmLogin, alive


class JobChain:
    """A chain, as Slurm and the run directory know it.

    Args:
        run: the run directory.
        own: asks Slurm for the jobs of the stack.
        words: returns the words of sbatch, of the first job of all or of one that goes on.
        warn: takes what its user should know.
    """

    def __init__(
        self,
        node: SlurmNode,
        run: str,
        own: Callable[[], list[JobStatus]],
        words: Callable[[bool], list[str]],
        warn: Callable[[str], None],
    ) -> None:
        self._node, self._place, self._own, self._words, self._warn = node, f"{run}/{FOLDER}", own, words, warn
        self._slurm = SlurmLogin(node.login)

    @property
    def alive(self) -> list[JobStatus]:
        """Those that run or wait, in the order in which they do."""
        return alive(self._own())

    def joins(self, one: str, other: str) -> bool:
        """Return whether two jobs are of one chain."""
        return one == other or {one, other} <= {*self._known()[1]}

    def submit(self, count: int) -> str:
        """Submit a chain; return the id of its first job."""
        for job in self._known()[1]:
            self._node.remove(f"{self._place}/{job}.json")
        return self._extend([], count)

    def complete(self, most: int) -> list[JobStatus]:
        """Go on with a submission that was cut short, take out of the queue what is none of the chain; return it.

        Args:
            most: how many jobs it may have.
        """
        wanted, known = self._known()
        present = [job.id for job in self.alive]
        if present and min(wanted, most) > len(known):
            self._extend(sorted({*known, *present}, key=int), min(wanted, most), is_up=True)
        else:
            self._cancel([job for job in present[1:] if job not in known])
        return self.alive

    def follow(self, count: int) -> str:
        """Submit anew those that wait, as they are asked for now; return the id of the one that runs, or is next.

        Args:
            count: how many jobs the chain has from its beginning.
        """
        present = self.alive
        waiting = [job.id for job in present if job.state == "PENDING"]
        begun = [job for job in self._known()[1] if job not in waiting]
        running = [job.id for job in present if job.id not in waiting]
        self._cancel(waiting)
        begun = sorted({*begun, *running}, key=int)
        first = self._extend(begun, max(count, len(begun) + (not running)), is_up=bool(running))
        return running[0] if running else first

    def forget(self) -> None:
        """Have no chain: what runs is none."""
        self._node.remove(f"{self._place}/{JOBS}")

    def end(self, stop: Callable[[str], None]) -> None:
        """End those that wait, then the one that runs; also one that has begun meanwhile.

        Args:
            stop: stops one in order, and returns when it is over.
        """
        while present := self.alive:
            self._cancel([job.id for job in reversed(present) if job.state == "PENDING"])
            stop(present[0].id)

    def _extend(self, jobs: list[str], wanted: int, is_up: bool = False) -> str:
        """Submit jobs until there are as many as are wanted; return the id of the first that was.

        Args:
            is_up: whether there is one already: a chain is shorter where Slurm takes no more of them.

        Raises:
            Refused: Slurm takes none.
        """
        first = ""
        self._write(wanted, jobs)
        while len(jobs) < wanted:
            try:
                jobs = [*jobs, self._slurm.submit(self._words(not jobs))]
            except Refused as refused:
                if not (first or is_up):
                    raise
                self._warn(f"mspass:cluster.slurm.jobs: {wanted}: Slurm has taken {len(jobs)}: {refused}")
                wanted = len(jobs)
            first = first or jobs[-1]
            self._write(wanted, jobs)
        return first

    def _cancel(self, jobs: list[str]) -> None:
        for job in jobs:
            self._slurm.cancel(job, "--state=PENDING")

    def _known(self) -> tuple[int, list[str]]:
        try:
            known = json.loads(self._node.read(f"{self._place}/{JOBS}"))
        except (OSError, ValueError):
            return 0, []
        return int(known["wanted"]), list(known["jobs"])

    def _write(self, wanted: int, jobs: list[str]) -> None:
        self._node.make_directory(self._place, 0o700)
        self._node.write(f"{self._place}/{JOBS}", json.dumps({"wanted": wanted, "jobs": jobs}) + "\n")
