"""Let one at a time change what supervisord of a directory runs, in this process and in all others."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from .errors import Refused
from .waiting import wait_until

WAIT = 600
"""Seconds: longer than any stack needs to stop in order."""

PAUSE = 0.02
"""Seconds between two tries; the processes of a stack start side by side and need it one after the other."""


@contextmanager
def held(directory: Path) -> Generator[None, None, None]:
    """Hold the directory itself, which leaves no file behind; one that is not there needs no holding.

    Never nest it: two descriptors of one process wait for each other.

    Raises:
        Refused: another one has it for too long.
    """
    try:
        descriptor = os.open(directory, os.O_RDONLY)
    except FileNotFoundError:
        yield
        return
    try:
        if not wait_until(lambda: _take(descriptor), WAIT, PAUSE):
            raise Refused(f"another command works on {directory} since {WAIT} s: wait for it or end it")
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
