"""End what no supervisord holds any more."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

from . import proc
from .marks import marked
from .waiting import wait_until

STRAY = 130
"""Seconds until a process that nobody supervises has ended: mongod's grace and a little more."""

KILLED = 10
"""Seconds until Linux has taken away a process that was killed."""


def end_process(pid: int, stop_signal: str, grace: float) -> None:
    """End a process with its own signal, and its whole group when it takes too long.

    Args:
        pid: of the process, the first of its group.
        stop_signal: without SIG, as in `TERM`.
        grace: seconds.
    """
    with suppress(ProcessLookupError):
        os.kill(pid, signal.Signals[f"SIG{stop_signal}"])
        if not wait_until(lambda: not proc.incarnation(pid), grace):
            os.killpg(pid, signal.SIGKILL)
            wait_until(lambda: not proc.incarnation(pid), KILLED)


def end_strays(stack_id: str, directory: str, of_process: str = "") -> None:
    """End what runs for a directory although nothing in it says so any more: somebody removed the files.

    A supervisord ends its children in their order; what is left then gets SIGTERM and the time that mongod needs.

    Args:
        of_process: only what belongs to a process of this name; empty is all.
    """
    for supervisors_only in (True, False):
        found = marked(stack_id, directory)
        found = {pid: name for pid, name in found.items() if not of_process or name == of_process}
        ending = {pid: proc.incarnation(pid) for pid, name in found.items() if not (name and supervisors_only)}
        _send(ending, signal.SIGTERM)
        wait_until(lambda: not _left(ending), STRAY)  # noqa: B023  called within this turn of the loop
        _send(_left(ending), signal.SIGKILL)


def _left(ending: dict[int, str]) -> dict[int, str]:
    """Return those that still are the same processes."""
    return {pid: one for pid, one in ending.items() if one and proc.incarnation(pid) == one}


def _send(ending: dict[int, str], number: signal.Signals) -> None:
    for pid in _left(ending):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
