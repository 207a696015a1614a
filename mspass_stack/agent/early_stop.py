"""Know when the ordered stop of a job has to begin whose data are then copied: they may grow beyond `stopBefore`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from . import job_stage, slurm, staging
from .job_supervisor import JobFiles

TURN = 60.0
"""Seconds between two looks at how much there is."""

COPIES = 2
"""Times that a copy may take longer than was measured."""

SLURMS = "%Y-%m-%dT%H:%M:%S"
"""How Slurm writes a moment, in the time zone of who asks."""


class EarlyStop:
    """The begin of the ordered stop of a job.

    Args:
        directory: of the stack.
        job: its id.
        lead: seconds before its end that Slurm itself tells it to stop.
        grace: seconds that all processes may take to stop.
        say: takes a line of the job's log.
        least: seconds before its end that it stops, of a job that Slurm does not tell.
    """

    def __init__(
        self, directory: str, job: str, lead: float, grace: float, say: Callable[[str], object], least: float = 0
    ) -> None:
        self._files, self._job, self._say = JobFiles(directory), job, say
        self._lead, self._grace, self._least = lead, grace, least
        self._begun, self._next, self._said = time.time(), 0.0, False

    def is_due(self) -> bool:
        """Whether it has to begin now, before Slurm says it; looked at once a minute."""
        if time.monotonic() < self._next:
            return False
        self._next = time.monotonic() + TURN
        needed = max(self.needed, self._least)
        if needed <= self._lead:
            return False
        try:
            end = time.mktime(time.strptime(slurm.end_of(self._job), SLURMS))
        except (slurm.NoAnswerError, ValueError):
            return False
        # Of a job that is too short for its data, half is left to work in.
        needed = min(needed, (end - self._begun) / 2)
        if needed > max(self._lead, self._least) and not self._said:
            self._said = True
            self._say(f"data need time to be stored: the ordered stop begins {needed:.0f} s before the end of the job")
        return needed > self._lead and time.time() >= end - needed

    @property
    def needed(self) -> float:
        """Seconds for the stop and the copy of what is there now."""
        count = 0
        for name in self._files.names():
            with suppress(OSError, ValueError):
                count += int(self._files.bytes(name).read_text(encoding="utf-8"))
        return COPIES * count / _bandwidth(self._files.run) + self._grace


def _bandwidth(run: Path) -> float:
    for file in (staging.FILE, job_stage.FILE):
        with suppress(OSError, ValueError, KeyError):
            return float(json.loads((run / file).read_text(encoding="utf-8"))["bandwidth"])
    return staging.FLOOR
