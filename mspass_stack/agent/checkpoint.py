"""Make versions of a whole database while it runs: what a job loses that is killed is no more than an interval."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

from . import settings, staging
from .errors import Refused
from .preparation import Preparation
from .staging import Staging
from .write_lock import WriteLock

SHARE = 0.05
"""Of an interval, the part for which writes may wait."""

AGAIN = 60.0
"""Seconds until another try where the servers could not be held."""


class Checkpoints:
    """Who makes them: the batch script of the job, one at a time, beside all else that it does.

    Args:
        directory: of the stack.
        interval: seconds from the begin of one to the next; 0 for none.
        say: takes a line of the job's log.
    """

    def __init__(self, directory: str, interval: float, say: Callable[[str], object]) -> None:
        self._directory, self._interval, self._say = directory, interval, say
        self._next = time.monotonic() + interval
        self._preparation = Preparation(directory)
        self._ended, self._made, self._is_off = Event(), False, not interval
        self._thread: Thread | None = None

    def turn(self) -> None:
        """Begin one that is due."""
        if self._is_off or time.monotonic() < self._next or (self._thread and self._thread.is_alive()):
            return
        if self._preparation.is_settled:
            self._next = time.monotonic() + self._interval
            self._ended.clear()
            self._thread = Thread(target=self._make, daemon=True)
            self._thread.start()

    def end(self) -> bool:
        """End one that goes on, the servers are to stop; return whether one was made since this was asked."""
        self._ended.set()
        if self._thread:
            self._thread.join()
        made, self._made = self._made, False
        return made

    def _make(self) -> None:
        lock: WriteLock | None = None
        try:
            lock = WriteLock(self._directory, self._interval / 2, self._ended.is_set, self._say)
            of_this_one = lock
            version = Staging(self._directory, self._say, lambda: not of_this_one.holds()).checkpoint(lock)
        except (Refused, OSError, ValueError, LookupError) as error:
            self._fail(lock, str(error))
        else:
            self._made = True
            self._say(f"checkpoint {version}: writes waited for {lock.pause:.1f} s")
            self._note("" if lock.pause <= SHARE * self._interval else self._give_up(lock.pause))

    def _fail(self, lock: WriteLock | None, why: str) -> None:
        if self._ended.is_set():
            self._say(f"a checkpoint is given up, the servers stop: {why}")
        elif lock and lock.pause >= self._interval / 2:
            self._note(self._give_up(lock.pause))
        else:
            self._note(f"no checkpoint was made: {why}")
            if not (lock and lock.when):
                self._next = min(self._next, time.monotonic() + AGAIN)

    def _give_up(self, pause: float) -> str:
        self._is_off = True
        return (
            f"no more checkpoints are made in this job: the last one let all writes wait for {pause:.1f} s, which is "
            f"over {SHARE:.0%} of its interval ({self._interval:.0f} s): a longer mspass:cluster.database.checkpoint"
        )

    def _note(self, why: str) -> None:
        """Write down why there are none, for who asks for the status; empty where there are."""
        if why:
            self._say(why)
        file = Path(self._directory) / "run" / staging.FILE
        try:
            known = json.loads(file.read_text(encoding="utf-8"))
            settings.write(file, json.dumps({**known, "checkpoint": why}) + "\n")
        except (OSError, ValueError) as error:
            self._say(f"{file}: {error}")
