"""Have the database of a job prepared (sets, shards, users, collections) at every start, and when it is asked for.

The step `ensure` does it, in the image, as any client of the servers would; what waits for it is started after it.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from . import settings, slurm
from .allocation import Allocation
from .job_supervisor import JobFiles
from .waiting import wait_until

STEP = "ensure"
"""The name of the step; the directory of what it reads and writes is called the same."""

SPEC, ASKED, ANSWER = "spec.json", "asked.json", "answer.json"
"""Of that directory: what the database is to have, who asks, and what came of it."""

RELEASE = "db-version"
"""The file of a stack's directory that says which release its data are of."""

PAUSE = 10.0
"""Seconds between a preparation that failed and the next."""

GRACE = 10.0
"""Seconds for a step that is to end."""


class Preparation:
    """What is known of the preparation of a stack's database in the job that was started last, when this is made."""

    def __init__(self, directory: str) -> None:
        self.directory, self.run = Path(directory), Path(directory) / "run"
        self._place = self.run / STEP
        self.files = JobFiles(directory)
        known = Allocation(self.run).read()
        self._start = {key: known.get(key) for key in ("job", "restart")}

    @property
    def is_needed(self) -> bool:
        """Whether there is a database."""
        return self.files.step(STEP).exists()

    @property
    def is_done(self) -> bool:
        """Whether nothing that waits for it has to wait any more."""
        answer = self.answer
        return not self.is_needed or (bool(answer) and not answer["error"])

    @property
    def is_settled(self) -> bool:
        """Whether it is done, and nobody asks for another."""
        return self.is_done and self.answer.get("number") == self.asked.get("number")

    @property
    def answer(self) -> dict[str, Any]:
        """What came of it in this start of this job; nothing as long as it goes on for the first time."""
        return self._of_this_start(ANSWER)

    @property
    def asked(self) -> dict[str, Any]:
        """The last request of this start: `number` counts them."""
        return self._of_this_start(ASKED)

    @property
    def spec(self) -> str:
        """The digest of what the database is to have."""
        return hashlib.sha256((self._place / SPEC).read_bytes()).hexdigest()

    def ask(self, leaving: Sequence[str] = ()) -> int:
        """Ask for one more; return its number."""
        number = int(self.asked.get("number", 0)) + 1
        self._place.mkdir(mode=0o700, exist_ok=True)
        self._write(ASKED, {**self._start, "number": number, "leaving": list(leaving)})
        return number

    def fail(self, why: str) -> None:
        """Answer for a step that could not."""
        self._write(ANSWER, {**self.asked, "error": why})

    def _of_this_start(self, file: str) -> dict[str, Any]:
        try:
            known = dict(json.loads((self._place / file).read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return {}
        return known if {key: known.get(key) for key in self._start} == self._start else {}

    def _write(self, file: str, known: dict[str, Any]) -> None:
        settings.write(self._place / file, json.dumps(known) + "\n")


class Preparer:
    """Who does it: the batch script of the job, one at a time."""

    def __init__(self, directory: str, say: Callable[[str], object]) -> None:
        self._known, self._say = Preparation(directory), say
        self._step: subprocess.Popen[bytes] | None = None
        self._number, self._next = 0, 0.0

    @property
    def missing(self) -> str:
        """Why it is not done; empty where it is."""
        if self._known.is_done:
            return ""
        return f"the database is not prepared: {self._known.answer.get('error', 'no answer yet')}"

    def turn(self) -> None:
        """Begin one that is asked for, or see whether it has ended."""
        # A full disk or quota ends no job.
        with suppress(OSError):
            if self._step is None:
                self._begin()
            elif self._step.poll() is not None:
                status, self._step = self._step.returncode, None
                self._finish(status)

    def end(self) -> None:
        """End one that goes on: the job ends."""
        step, self._step = self._step, None
        if step and step.poll() is None:
            slurm.end_step(step, GRACE)

    def _begin(self) -> None:
        number, answer = int(self._known.asked.get("number", 0)), self._known.answer
        if number <= int(answer.get("number", 0)):
            # The first of this start, or another try.
            if not self._known.is_needed or self._known.is_done or time.monotonic() < self._next:
                return
            number = self._known.ask(answer.get("leaving", []))
        words = slurm.own("launch", str(self._known.directory), "node0", STEP)
        self._number = number
        with (self._known.files.log / f"{STEP}.srun.log").open("ab") as log:
            self._step = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def _finish(self, status: int) -> None:
        answer = self._known.answer
        if int(answer.get("number", 0)) < self._number:
            log = self._known.files.log_tail(STEP, 15)
            self._known.fail(f"its step ended with {status}; the end of its log:\n{log}")
            answer = self._known.answer
        self._next = time.monotonic() + PAUSE
        if error := answer.get("error"):
            self._say(f"the database is not prepared: {error}")
            return
        self._say("the database is prepared")
        settings.write(self._known.directory / RELEASE, f"{answer['release']}\n")


def ask_preparation(*, directory: str, leaving: Sequence[str], anew: bool) -> int:
    """Ask for a preparation; return its number.

    Args:
        directory: of the stack.
        leaving: shards that are drained after it.
        anew: whether what this start of the job does by itself is not enough.
    """
    known = Preparation(directory)
    answered, asked = int(known.answer.get("number", 0)), int(known.asked.get("number", 0))
    if leaving or anew or (asked == answered and not known.is_done):
        return known.ask(leaving)
    return asked


def preparation(*, directory: str) -> dict[str, Any]:
    """Tell how far it is.

    Returns:
        `answer`, of the last one that has ended; `is_stale`, whether another database is declared since; and `said`,
        the last line of its log.
    """
    known = Preparation(directory)
    answer = known.answer
    is_stale = bool(answer) and answer.get("spec", known.spec) != known.spec
    return {"answer": answer, "is_stale": is_stale, "said": known.files.log_tail(STEP, 1)}


def wait(directory: str) -> None:
    """Return when it is done."""
    known = Preparation(directory)
    while not wait_until(lambda: known.is_done, 3600.0, 0.3):
        pass
