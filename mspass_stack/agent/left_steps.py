"""End the steps that have outlived the program which held them, in a job that goes on without it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from . import batch_run, preparation, slurm
from .job_supervisor import SETTLE, JobFiles
from .waiting import wait_until

GRACE = 30.0
"""Seconds for what is no process of supervisord."""

KILLED = 60.0
"""Seconds for Slurm to end a step."""


def end_left_steps(*, directory: str, job: str) -> list[str]:
    """End the steps of a stack in a job, the last started first and all of a rank at once; return their names."""
    ended: list[str] = []
    for names, grace in _ranks(JobFiles(directory)):
        left = {id: name for id, name in slurm.steps_of(job).items() if name in names}
        if not left:
            continue
        slurm.stop(left)
        if not _are_gone(job, left, grace):
            slurm.end(left)
            _are_gone(job, left, KILLED)
        ended += left.values()
    return ended


def _are_gone(job: str, steps: dict[str, str], seconds: float) -> bool:
    return bool(wait_until(lambda: not steps.keys() & slurm.steps_of(job).keys(), seconds))


def _ranks(files: JobFiles) -> Iterator[tuple[list[str], float]]:
    """Yield the names of steps that stop together, and the seconds that they may take."""
    others = [name for name in (batch_run.STEP, preparation.STEP) if Path(files.run / f"{name}.json").exists()]
    yield others, GRACE
    names = files.names()
    for order in sorted({files.order(name) for name in names}, reverse=True):
        rank = [name for name in names if files.order(name) == order]
        yield rank, max(map(files.grace, rank)) + SETTLE
