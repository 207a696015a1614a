"""Bring what the workers of this host want, and their results back, for who asks from elsewhere how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from .allocation import Allocation
from .errors import Refused
from .job_supervisor import MARKER
from .stage import SPEC, Spec, Stage, read
from .stage_step import NodeStage, spec_of
from .waiting import wait_until

PLACE = "stage"
"""The directory of the stack's, on a host that has a disk of its own."""


class _Work(Thread):
    """What is done for a stack here; it ends with the agent, and the next one goes on where it was."""

    def __init__(self, what: str, step: Callable[[_Work], Any]) -> None:
        super().__init__(daemon=True)
        self.what, self._step = what, step
        self.done = 0
        self.answer: Any = None
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            self.answer = self._step(self)
        except Exception as error:
            self.error = error

    def count(self, size: int) -> None:
        self.done += size


_works: dict[str, _Work] = {}
_lock = Lock()


def stage_look(*, directory: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Compare what a host has of it (`agent.stage`); changes nothing."""
    return _stage(directory).look(spec)


def stage_start(*, directory: str, host: str, what: str, spec: Mapping[str, Any]) -> None:
    """Begin with something, or join one that goes on.

    Args:
        directory: of the stack.
        host: by its name.
        what: `begin` (bring it for workers that start; what others have left goes back first), `in`, `out` (bring
            results back, which stay here too) or `end` (and remove all).
        spec: what is wanted; where that is nothing, what is known here.
    """
    with _lock:
        former = _works.get(directory)
        if former and former.is_alive() and former.what == what:
            return
        work = _works[directory] = _Work(what, lambda work: _do(work, directory, host, what, spec))
        work.start()


def stage_follow(*, directory: str, seconds: float) -> dict[str, Any]:
    """Wait for its end, but not long: `done`, the bytes that were copied, and `answer`, None while it goes on.

    Raises:
        Refused: it cannot be done.
    """
    work = _works[directory]
    wait_until(lambda: not work.is_alive(), seconds)
    if isinstance(work.error, Refused):
        raise work.error
    if work.error:
        raise Refused(f"{type(work.error).__name__}: {work.error}")
    return {"done": work.done, "answer": work.answer}


def _do(work: _Work, directory: str, host: str, what: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    begun = time.monotonic()
    stage = _stage(directory, work.count)
    wanted = spec or _known(directory, host, stage)
    answer: dict[str, Any] = {}
    if what in ("begin", "out", "end"):
        answer["files"] = stage.give_back(leave=what == "out")
    if what in ("begin", "in") and wanted:
        answer.update(stage.bring(wanted))
    if what == "end":
        stage.forget()
    return {**answer, "bytes": work.done, "seconds": time.monotonic() - begun}


def _stage(directory: str, tell: Callable[[int], object] = lambda count: None) -> Stage:
    run = Path(directory) / "run"
    if (run / MARKER).exists():
        return NodeStage(directory, Allocation(run).read(), tell).own
    return Stage(Path(directory) / PLACE, tell)


def _known(directory: str, host: str, stage: Stage) -> Spec:
    return spec_of(directory, host) or read(stage.root / SPEC)
