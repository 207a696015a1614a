"""Let the jobs of a stack follow one another: each notes what it was, and at its end whether others are to come."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from . import settings, slurm
from .batch_run import BatchRun

FOLDER = "chain"
"""Of the run directory: what is known of a chain."""

JOBS = "jobs.json"
"""In it: `wanted`, how many jobs the chain has, and `jobs`, the ids of those that are submitted."""

EVERY = 30.0
"""Seconds between two notes of a job that runs."""

HELD_BACK = 120
"""Seconds for which a job waits that follows one which never got ready: what is wrong may pass."""


class Chain:
    """One start of a job among those of its chain.

    Args:
        run: the run directory.
        say: takes a line of the job's log.
    """

    def __init__(self, run: Path, job: str, restart: int, say: Callable[[str], object]) -> None:
        self._run, self._job, self._restart, self._say = run, job, restart, say
        self._file = run / FOLDER / f"{job}.json"
        nodes = os.environ.get("SLURM_JOB_NUM_NODES") or os.environ.get("SLURM_NNODES") or "1"
        self._note: dict[str, Any] = {
            "restart": restart,
            "nodes": int(nodes),
            "begun": time.time(),
            "ready": False,
            "state": "",
        }
        self._next = 0.0

    def turn(self) -> None:
        """Note now and then that it runs: of a job that is killed the last note counts."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + EVERY
            self._write()

    def note_ready(self) -> None:
        """Note that its cluster has come up."""
        self._note["ready"] = True
        self._write()

    def end(self, state: str) -> None:
        """Note how it ends, and see to those that wait for its end."""
        self._note["state"] = state
        self._write()
        asked = _read(self._run / "job.json")
        with suppress(slurm.NoAnswerError, OSError, LookupError):
            # Where these are not told the job is its user's own, as those may be that wait.
            if waiting := slurm.waiting(asked["name"], asked["comment"]):
                self._lead_on(waiting)

    def _lead_on(self, waiting: Sequence[str]) -> None:
        if BatchRun.here(self._run, {"job": self._job, "restart": self._restart}).ends_the_job:
            self._cancel(waiting, "what the jobs were for is done")
        elif not _has_failed(self._note):
            self._say(f"job {waiting[0]} follows")
        elif self._former_failed():
            self._cancel(waiting, "two jobs in a row did not get ready")
        elif slurm.delay(waiting[0], HELD_BACK):
            self._say(
                f"not ready: job {waiting[0]} follows in {HELD_BACK // 60} min, and after it no other if it fails too"
            )

    def _cancel(self, jobs: Sequence[str], why: str) -> None:
        self._say(f"{why}: {'jobs' if len(jobs) > 1 else 'job'} {', '.join(jobs)} cancelled")
        slurm.cancel(jobs)

    def _former_failed(self) -> bool:
        """Whether the job before this one has not got ready either."""
        jobs = [str(job) for job in _read(self._run / FOLDER / JOBS).get("jobs", ())]
        before = jobs[: jobs.index(self._job)] if self._job in jobs else []
        starts: list[dict[str, Any]] = []
        if before:
            starts = _read(self._run / FOLDER / f"{before[-1]}.json").get("starts", [])
        return bool(starts) and _has_failed(starts[-1])

    def _write(self) -> None:
        self._note["seen"] = time.time()
        with suppress(OSError):
            self._file.parent.mkdir(mode=0o700, exist_ok=True)
            starts = [one for one in _read(self._file).get("starts", []) if one["restart"] != self._restart]
            settings.write(self._file, json.dumps({"starts": [*starts, self._note]}, indent=1) + "\n")


def _has_failed(note: dict[str, Any]) -> bool:
    return note["state"] == "FAILED" and not note["ready"]


def _read(file: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}
