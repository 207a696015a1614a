"""Wait for a condition, until a deadline or an interrupt."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event
from typing import TypeVar

from .errors import Refused

PAUSE = 0.1
"""Seconds between two looks."""

interrupted = Event()
"""Set when the user has interrupted the command: what waits, or begins to, gives up."""

T = TypeVar("T")


def wait_until(look: Callable[[], T], seconds: float, pause: float = PAUSE) -> T | None:
    """Look until the answer is truthy; None when it never was.

    Args:
        look: what is asked, at least once.
        seconds: the longest wait.
        pause: seconds between two looks.

    Raises:
        Refused: the user has interrupted the command.
    """
    end = time.monotonic() + seconds
    while True:
        answer = look()
        if answer:
            return answer
        left = end - time.monotonic()
        if interrupted.wait(max(0.0, min(pause, left))):
            raise Refused("interrupted: the next pulumi up goes on from here")
        if left <= 0:
            return None
