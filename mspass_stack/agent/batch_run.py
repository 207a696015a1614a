"""Know what became of the batch run of a stack: by files of its run directory, which outlive jobs."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

DIRECTORY = "batch"
"""Of the run directory: what is asked for, and by the id of a run its claim and its end."""

STEP = "batch"
"""The name of its step and its log."""

ASKED = "asked.json"

WAITING, RUNNING, DONE, FAILED, INTERRUPTED = "waiting", "running", "done", "failed", "interrupted"
"""The states of a run."""


class BatchRun:
    """The run that is asked for, as it was when this was made.

    A run is claimed by its step right before it starts: a job that ends without a word leaves the claim, and what is
    claimed is never started a second time.

    Args:
        read: returns the text of a file, or raises an OSError.
        run: the run directory of the stack.
        now: the job that runs, and how often it was restarted; nothing where none does.
        id: of another run than the one that is asked for.

    Attributes:
        asked: what is asked for; nothing where nothing is.
        id: of the run; empty where there is none.
    """

    def __init__(self, read: Callable[[str], str], run: str, now: Mapping[str, Any], id: str = "") -> None:
        self._place = posixpath.join(run, DIRECTORY)
        self._now = {key: now.get(key) for key in ("job", "restart")}
        self.asked = _known(read, posixpath.join(self._place, ASKED))
        self.id = id or str(self.asked.get("id", ""))
        self._claimed = _known(read, self.claim) if self.id else {}
        self._ended = _known(read, self.end) if self.id else {}

    @classmethod
    def here(cls, run: Path, now: Mapping[str, Any], id: str = "") -> BatchRun:
        """Return the same by the files of this machine."""
        return cls(lambda path: Path(path).read_text(encoding="utf-8"), str(run), now, id)

    @property
    def claim(self) -> str:
        """The path of the file that its step makes when it starts."""
        return posixpath.join(self._place, f"{self.id}.claim")

    @property
    def end(self) -> str:
        """The path of the file that says how it ended."""
        return posixpath.join(self._place, f"{self.id}.end")

    @property
    def state(self) -> str:
        if self._ended:
            return str(self._ended["state"])
        if not self._claimed:
            return WAITING
        return RUNNING if self._claimed == self._now else INTERRUPTED

    @property
    def exit(self) -> int | None:
        """Its exit status; None where it has none."""
        return self._ended.get("exit")

    @property
    def is_settled(self) -> bool:
        """Whether it is not to be started any more."""
        again = self.state == INTERRUPTED and self.asked["onRestart"]
        return self.state not in (WAITING, RUNNING) and not again

    @property
    def ends_the_job(self) -> bool:
        """Whether no job is needed any more: it has ended, and nothing was to come after it."""
        return bool(self.asked) and self.asked["then"] == "stop" and self.is_settled

    def __str__(self) -> str:
        """Return it in words; empty where nothing is asked for."""
        status = "" if self.exit is None else f", exit status {self.exit}"
        return f"batch {self.id} {self.state}{status}" if self.asked else ""


def _known(read: Callable[[str], str], path: str) -> dict[str, Any]:
    try:
        return dict(json.loads(read(path)))
    except (OSError, ValueError):
        return {}
