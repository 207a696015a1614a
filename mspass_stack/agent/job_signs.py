"""Write down that a job lives, and how it has ended: files of the run directory, for whoever looks from outside."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path

from . import settings

BEAT, END = "beat", "end.json"
"""Of the run directory: a counter that grows while the job lives, and how it ended."""


class JobSigns:
    """Those of one start of a job.

    A full disk or quota ends no job: what runs may free it.
    """

    def __init__(self, run: Path, job: str, restart: int) -> None:
        self._run, self._start = run, {"job": job, "restart": restart}
        self._beats = 0

    def begin(self) -> None:
        """Forget how the last one ended."""
        (self._run / END).unlink(missing_ok=True)

    def beat(self, state: str, said: str) -> None:
        """Give a sign of life.

        Args:
            said: how far what goes on is.
        """
        self._beats += 1
        self._write(BEAT, state=state, count=self._beats, said=said)

    def end(self, state: str, status: int, why: str, unsaved: str, step: str) -> None:
        """Say how it ended.

        Args:
            status: its exit status.
            why: it failed; empty where it did not.
            unsaved: where the data are that are not stored.
            step: of an allocation, which it was.
        """
        self._write(END, state=state, exit=status, when=time.time(), why=why, unsaved=unsaved, step=step)

    def _write(self, file: str, **known: object) -> None:
        with suppress(OSError):
            settings.write(self._run / file, json.dumps({**self._start, **known}) + "\n")
