"""Have all servers of a job's database held still, by a step in the image that frees them when nobody asks any more.

A server that stayed held would take no write for the rest of the job: who holds them is watched, and followed by a
step that frees them where it is gone without a word.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from . import preparation, settings, slurm
from .allocation import Allocation
from .errors import Refused
from .job_supervisor import JobFiles
from .local_data import run_of
from .waiting import wait_until

STEP = "checkpoint"
"""The name of the step."""

ASKED, ANSWER = "lock.json", "locked.json"
"""In the directory of what prepares the database: what is asked of the step, and how far it is."""

HOLD, FREE, LOCKED = "hold", "free", "locked"
"""What is asked, and that servers are held."""

TURN = 0.3
"""Seconds between two looks at whether they are held."""

SILENCE = 15.0
"""Seconds without a sign of life of the job after which the step frees the servers."""

FREED = 45.0
"""Seconds for the step to free them, and to end."""

PAUSE = 5.0
"""Seconds between two tries to free them by another step."""

GRACE = 10.0
"""Seconds for a step that is told to end."""


class WriteLock:
    """All servers held still, within a `with`.

    Args:
        directory: of the stack.
        longest: seconds after which they are freed, come what may.
        ends: whether the job ends, which leaves one try to free them.
        say: takes a line of the job's log.

    Attributes:
        when: the moment of which the data are that they hold; 0 where they were never all held.
        pause: seconds for which no write went on, known when they are free.
    """

    def __init__(
        self, directory: str, longest: float, ends: Callable[[], object], say: Callable[[str], object]
    ) -> None:
        self._directory, self._run = directory, Path(directory) / "run"
        self._place = self._run / preparation.STEP
        self._longest, self._ends, self._say = longest, ends, say
        self._id = f"{run_of(Allocation(self._run).read())}-{time.time_ns()}"
        self._beats = 0
        self._step: subprocess.Popen[bytes] | None = None
        self.when, self.pause = 0.0, 0.0

    def __enter__(self) -> WriteLock:
        try:
            self._ask(HOLD)
            self._start()
            while self._answer.get("state") != LOCKED and self.holds():
                time.sleep(TURN)
            self.when = float(self._answer.get("when", 0))
            if not self.holds():
                raise Refused(self._answer.get("error") or "the job ends, or who holds the servers is gone")
        except BaseException:
            self._free()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if why := self._free():
            raise Refused(why) from error

    def holds(self) -> bool:
        """Give a sign of life; return whether they are held, or about to be, and the job goes on."""
        with suppress(OSError):  # the step frees them where it sees none
            self._ask(HOLD)
        is_gone = self._step is None or self._step.poll() is not None
        return not is_gone and "error" not in self._answer and not self._ends()

    def _free(self) -> str:
        """Free them; return why they were not held until then, empty where they were."""
        with suppress(OSError):  # as above
            self._ask(FREE)
        self._await()
        first = last = self._answer
        self.pause = float(first.get("pause", 0))
        if last.get("state") != FREE:
            self._say("who held the database's servers is gone without a word: another step frees them")
        while last.get("state") != FREE:
            last = self._free_by_another()
            if why := last.get("error", "the step has not answered"):
                self._say(f"servers of the database may not be free: {why}")
            if self._ends() or (last.get("state") != FREE and wait_until(self._ends, PAUSE)):
                break
        return str(first.get("error", "who held the servers is gone"))

    def _free_by_another(self) -> dict[str, Any]:
        """Have a step free them; return what it says."""
        try:
            (self._place / ANSWER).unlink(missing_ok=True)
            self._ask(FREE)
            self._start()
        except OSError as error:
            return {"error": str(error)}
        self._await()
        return self._answer

    def _await(self) -> None:
        """Wait until the step has ended; end it where it does not."""
        step, self._step = self._step, None
        if step is None:
            return
        with suppress(subprocess.TimeoutExpired):
            step.wait(FREED)
        if step.poll() is None:
            slurm.end_step(step, GRACE)

    def _start(self) -> None:
        words = slurm.own("launch", self._directory, "node0", STEP)
        with (JobFiles(self._directory).log / f"{STEP}.srun.log").open("ab") as log:
            self._step = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def _ask(self, what: str) -> None:
        self._beats += 1
        known = {
            "id": self._id,
            "what": what,
            "beat": self._beats,
            "silence": SILENCE,
            "longest": self._longest,
        }
        settings.write(self._place / ASKED, json.dumps(known) + "\n")

    @property
    def _answer(self) -> dict[str, Any]:
        """What the step says: `state` and `when`; `error`, and `pause`, when the servers are free."""
        try:
            known = dict(json.loads((self._place / ANSWER).read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return {}
        return known if known.get("id") == self._id else {}
