"""Write the log of a process from its own node: what goes through srun is lost when the supervisor dies."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

ROOM = 20 << 20
"""Bytes of a log, as supervisord has them on other hosts."""

KEPT = 3
"""Older ones beside it."""


class StepLog:
    """Append to a log, and begin a new one when it is full."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("ab", buffering=0)

    def say(self, text: str) -> None:
        """Write a line of our own."""
        self._file.write(f"{time.strftime('%F %T')} step: {text}\n".encode())

    def keep(self, pipe: IO[bytes]) -> None:
        """Write down what comes through a pipe, until it ends."""
        while True:
            block = os.read(pipe.fileno(), 1 << 16)
            if not block:
                return
            if self._file.tell() > ROOM:
                self._turn()
            # A full disk or quota must not block the process: what it says now is lost.
            with suppress(OSError):
                self._file.write(block)

    def _turn(self) -> None:
        for number in range(KEPT - 1, -1, -1):
            older = self._path.with_name(f"{self._path.name}.{number}") if number else self._path
            if older.exists():
                older.replace(self._path.with_name(f"{self._path.name}.{number + 1}"))
        self._file.close()
        self._file = self._path.open("ab", buffering=0)
