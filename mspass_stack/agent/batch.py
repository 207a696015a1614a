"""Run the batch of a stack in its job, once: when its database is prepared and its workers are there."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from . import settings, slurm
from .allocation import Allocation
from .batch_run import DONE, FAILED, INTERRUPTED, RUNNING, STEP, WAITING, BatchRun
from .job_supervisor import JobFiles
from .preparation import Preparation
from .step_log import StepLog

GATE = "batch-gate"
"""The name of the step that waits for workers."""

PAUSE = 10.0
"""Seconds between two tries of a step that did not start."""

GRACE = 25.0
"""Seconds for what runs to end, when its job does: less than what Slurm grants after TERM."""

KILLED = 128
"""What a shell adds to the number of a signal for an exit status."""

NOT_STARTED = 78
"""Exit status of a run whose database or workers are not there in time."""


class Batch:
    """Who runs it: the batch script of the job."""

    def __init__(self, directory: str, say: Callable[[str], object]) -> None:
        self._directory, self._say = directory, say
        self._run = Path(directory) / "run"
        self._preparation = Preparation(directory)
        self._step: subprocess.Popen[bytes] | None = None
        self._name, self._is_there = "", False
        self._id, self._since, self._next = "", 0.0, 0.0
        self._suspect = False

    def turn(self) -> int | None:
        """Take the next step; return the exit status for which the job may end, None where it goes on."""
        # A full disk or quota ends no job.
        with suppress(OSError, LookupError):
            if self._step is None:
                return self._begin()
            status = self._step.poll()
            if status is None:
                self._give_up_late(self._look(self._id))
            elif status >= KILLED and not self._suspect:
                self._suspect = True  # by the end of the job itself, if that is told now
            else:
                self._step, self._suspect = None, False
                self._finish(status)
        return None

    def _look(self, id: str = "") -> BatchRun:
        """Return what is known of the run that is asked for, or of another one."""
        known = Allocation(self._run).read()
        return BatchRun.here(self._run, known, id)

    def end(self, is_told: bool) -> bool:
        """End what goes on, since the job ends; return whether that cuts a run short.

        Args:
            is_told: whether Slurm has told it so, and all others.
        """
        step, self._step = self._step, None
        if step is None:
            return False
        status, run = step.poll(), self._look(self._id)
        has_ended = status is not None and status < KILLED
        is_cut_short = run.state == RUNNING and not has_ended
        with suppress(OSError):
            if status is not None and has_ended:
                self._finish(status)
            elif is_cut_short:
                self._write_end(run, INTERRUPTED, None)
        if status is None and not is_told:
            slurm.end_step(step, GRACE)
        return is_cut_short

    def _begin(self) -> int | None:
        run = self._look()
        if run.id != self._id:
            self._id, self._since, self._is_there = run.id, time.monotonic(), False
        if run.ends_the_job:
            return run.exit if run.exit is not None else 1
        if not run.asked or run.is_settled:
            return None
        if run.state == INTERRUPTED:
            self._forget(run)
        elif not self._give_up_late(run) and self._preparation.is_done and time.monotonic() >= self._next:
            gate = run.asked["gate"]
            if gate and not self._is_there:
                node = Allocation(self._run).node(gate["host"])
                launcher = slurm.launcher_of(self._run)
                self._start(GATE, slurm.step(node, GATE, launcher, *slurm.own("gate", self._directory)))
            else:
                self._say(f"batch {run.id} starts")
                self._start(STEP, slurm.own("launch", self._directory, run.asked["host"], STEP))
        return None

    def _start(self, name: str, words: list[str]) -> None:
        files, self._name = JobFiles(self._directory), name
        with (files.log / f"{STEP}.log").open("ab") as said, (files.log / f"{STEP}.srun.log").open("ab") as errors:
            self._step = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=said if name == GATE else errors, stderr=errors
            )

    def _finish(self, status: int) -> None:
        """Go on after a step that has ended."""
        run = self._look(self._id)
        if self._name == STEP and run.state == WAITING:
            run = self._look()  # another one was asked for right before it began
        if self._name == GATE:
            self._is_there = status == 0
        elif run.state == RUNNING:
            status = status if status >= 0 else KILLED - status
            self._write_end(run, FAILED if status else DONE, status)
            return
        if status:
            self._next = time.monotonic() + PAUSE  # srun itself has failed

    def _give_up_late(self, run: BatchRun) -> bool:
        """Have a run failed that could not start in time; whether it is one."""
        if run.state != WAITING or time.monotonic() - self._since < run.asked.get("startWait", 0):
            return False
        if self._step and self._name == STEP:
            return False  # about to be claimed
        step, self._step = self._step, None
        if step:
            slurm.end_step(step, GRACE)
        lacking = "its workers" if self._preparation.is_done else "its database"
        StepLog(JobFiles(self._directory).log / f"{STEP}.log").say(
            f"{lacking} were not there within startWait ({run.asked['startWait']} s): not started"
        )
        self._write_end(run, FAILED, NOT_STARTED)
        return True

    def _forget(self, run: BatchRun) -> None:
        """Let a run that the end of a job cut short begin anew."""
        self._say(f"batch {run.id} was cut short by the end of a job: it begins anew")
        for path in (run.end, run.claim):
            Path(path).unlink(missing_ok=True)

    def _write_end(self, run: BatchRun, state: str, status: int | None) -> None:
        known: dict[str, Any] = {"state": state, "exit": status, "when": time.time()}
        settings.write(Path(run.end), json.dumps(known) + "\n")
        self._say(f"batch {run.id} {state}" + (f" with exit status {status}" if status else ""))
