"""Remember which starts of a job never got ready: one that fails twice for the same reason is not requeued again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from . import settings
from .errors import Refused

FILE = "failures.json"
"""Of the run directory."""

PATIENCE = 600.0
"""Seconds after its start in which a job gets ready."""

KEPT = 4
"""The last failures, which are kept."""

LENGTH = 500
"""Letters of a reason."""


class Failures:
    """The starts of a job that never got ready, one after the other."""

    def __init__(self, run: Path, job: str, restart: int) -> None:
        self._file, self._job, self._restart = run / FILE, job, restart

    def refuse(self) -> None:
        """Refuse a start like two that never got ready; a job that is submitted anew begins anew.

        Raises:
            Refused: it is one.
        """
        if why := self.hopeless:
            raise Refused(
                f"job {self._job} was twice not ready within {PATIENCE / 60:.0f} min: {why}: not started again"
            )

    def note(self, reason: str) -> None:
        """Write down why this start is not ready."""
        earlier = [one for one in self._read() if one["restart"] != self._restart]
        now = {"job": self._job, "restart": self._restart, "reason": reason[:LENGTH]}
        settings.write(self._file, json.dumps([*earlier, now][-KEPT:], indent=1) + "\n")

    def forget(self) -> None:
        """Begin anew: this start is ready."""
        self._file.unlink(missing_ok=True)

    @property
    def hopeless(self) -> str:
        """The reason for which two starts of this job in a row were not ready; empty where there is none."""
        last = [str(one["reason"]) for one in self._read()[-2:]]
        return last[0] if len(last) == 2 and last[0] == last[1] else ""

    def _read(self) -> list[dict[str, Any]]:
        """Return those of this job; another one begins anew."""
        try:
            known = json.loads(self._file.read_text(encoding="utf-8"))
            return [one for one in known if one["job"] == self._job]
        except (OSError, ValueError, TypeError, KeyError):
            return []
