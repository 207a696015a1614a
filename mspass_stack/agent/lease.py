"""Let one job at a time open the data of a stack: the next takes over only when Slurm says that the last is over."""

from __future__ import annotations

import time
from pathlib import Path

from . import settings, slurm
from .errors import Refused

FILE = "lease"

OVER = slurm.ENDED | {"PENDING"}
"""States in which nothing of a job runs: a requeued one waits."""

PATIENCE = 600.0
"""Seconds for the last holder to end, and for Slurm to say so."""

PAUSE = 2.0
"""Seconds between two questions."""


class Lease:
    """Hold the data of a stack, for one start of one job."""

    def __init__(self, run: Path, job: str, restart: int) -> None:
        self._file, self._job, self._own = run / FILE, job, f"{job} {restart}"

    def take(self) -> None:
        """Take it, when its last holder is over.

        Raises:
            Refused: that one is not.
        """
        end = time.monotonic() + PATIENCE
        while why := self._why_not():
            if time.monotonic() > end:
                raise Refused(f"the data are not opened: {why}")
            time.sleep(PAUSE)
        settings.write(self._file, f"{self._own}\n")

    def release(self) -> None:
        """Give it back: all has stopped, and the job goes on without."""
        if self.is_ours:
            self._file.unlink(missing_ok=True)

    @property
    def is_ours(self) -> bool:
        """Whether nobody else has taken it; a file that cannot be read says nothing."""
        return self._holder() in ("", self._own)

    def _why_not(self) -> str:
        holder = self._holder()
        job = holder.partition(" ")[0]
        if not job or job == self._job:
            return ""  # of an earlier start of this very job: it runs once
        try:
            alive = [state for state in slurm.job_states(job) if state not in OVER]
        except slurm.NoAnswerError as error:
            return f"job {job} had them last, and Slurm does not say whether it is over: {error}"
        return f"job {job} has them, and is {alive[0]}" if alive else ""

    def _holder(self) -> str:
        try:
            return self._file.read_text(encoding="utf-8").strip()
        except OSError:
            return ""
