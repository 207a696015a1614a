"""Keep the processes of a stack up in a Slurm job: its batch script, which needs nobody outside.

It names the nodes, holds supervisord, and ends all in order: at USR1, which Slurm sends before the time is over and
whoever stops the job sends too. At TERM (`scancel`) all steps have it already.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Any

from . import allocation, interface, node_check, settings, slurm
from .batch import Batch
from .batch_run import BatchRun
from .chain import Chain
from .checkpoint import Checkpoints
from .early_stop import EarlyStop
from .errors import Refused
from .failures import PATIENCE, Failures
from .job_signs import JobSigns
from .job_stage import JobStage
from .job_supervisor import JobSupervisor
from .kept_data import KeptData
from .lease import Lease
from .left_steps import end_left_steps
from .marks import HOME, STACK_ID
from .preparation import Preparer
from .staging import LOCAL, Staging, refuse_store

TURN = 1.0
"""Seconds between two looks at supervisord."""

REVIVAL = 60.0
"""Seconds between two tries to start again what was given up."""

PYTHON, AGENT = "MSPASS_JOB_PYTHON", "MSPASS_JOB_AGENT"
"""The variables by which launchers find this interpreter and this program."""

STATES: dict[int, str] = {signal.SIGUSR1: "STOPPED", signal.SIGTERM: "CANCELLED"}
"""How a job ends that gets a signal."""

CUT_SHORT = 143
"""Exit status of a job that is cancelled, or stops while what it was for runs still."""

JOB = "job.json"
"""Of the run directory: what it starts with."""

NOT_STOPPED = "the job was not stopped in order"

RECOVERY = "recovery"
"""Of the run directory: what processes that are killed go on from, in the same job."""

PROBLEMS = "problems.json"
"""Of the run directory: what was wrong with the nodes before any role started."""


class Job:
    """One start of a job.

    Args:
        directory: of the stack.
    """

    def __init__(self, directory: str) -> None:
        self._directory, self._run = directory, Path(directory) / "run"
        self._asked: dict[str, Any] = json.loads((self._run / JOB).read_text(encoding="utf-8"))
        # Of a job that its user has got this is a step; Slurm counts these, and no starts.
        self._step = os.environ["SLURM_STEP_ID"] if self._asked.get("given") else ""
        restart = self._step or os.environ.get("SLURM_RESTART_COUNT") or 0
        self._job, self._restart = os.environ["SLURM_JOB_ID"], int(restart)
        self._local = Path(self._asked["local"]) / f"mspass-{os.getuid()}-{self._job}"
        self._signs = JobSigns(self._run, self._job, self._restart)
        self._told, self._status = "", 0
        self._waked = Event()
        self._data = KeptData(Path(directory))
        self._lease = Lease(self._run, self._job, self._restart)
        self._failures = Failures(self._run, self._job, self._restart)
        self._chain = Chain(self._run, self._job, self._restart, self._say)
        self._begun, self._judged = time.monotonic(), False
        self._unsaved = ""
        self._stage = JobStage(directory, self._say, self._turn)

    def run(self) -> int:
        """Run it to its end; return its exit status."""
        os.umask(0o077)
        self._take_over_environment()
        for number in STATES:
            signal.signal(number, self._hear)
        state, status, why = "FAILED", 1, ""
        try:
            self._failures.refuse()
            if not self._has_ended_before():
                self._lease.take()
                if self._step and (left := end_left_steps(directory=self._directory, job=self._job)):
                    self._say(f"left over, ended: {', '.join(left)}")
                self._begin()
                self._look()
                try:
                    if self._stage.bring():
                        self._take_data()
                        self._hold()
                finally:
                    self._unsaved = "; ".join(filter(None, [self._unsaved, self._stage.end(self._told)]))
            state, why = self._told, self._unsaved
            status = CUT_SHORT if state == "CANCELLED" else self._status or (1 if why else 0)
            if why:
                self._say(why)
        except (Refused, slurm.NoAnswerError, OSError) as error:
            why = str(error)
            self._say(why)
        self._beat(state)
        self._signs.end(state, status, why, self._unsaved, self._step)
        self._chain.end(state)
        if self._step and state != "CANCELLED":
            self._lease.release()
        shutil.rmtree(self._local, ignore_errors=True)
        return status

    def _take_over_environment(self) -> None:
        """Leave nothing that srun would take for options, and say what launchers need."""
        kept = slurm.clean(os.environ)
        os.environ.clear()
        os.environ.update(kept)
        mine = {PYTHON: sys.executable, AGENT: str(Path(sys.argv[0]).resolve()), settings.LOCAL: str(self._local)}
        os.environ.update({**mine, STACK_ID: self._asked["stack_id"], HOME: self._directory})

    def _begin(self) -> None:
        """Name the nodes, and prepare the first one."""
        rule, known = self._asked["address"], allocation.Allocation(self._run)
        names = slurm.insist(lambda: slurm.nodes_of(self._job))
        if rule["interface"]:
            addresses = interface.addresses(names, rule["interface"], self._asked["launcher"])
        else:
            addresses = [allocation.address_of(name, rule["suffix"], rule["domain"]) for name in names]
        found = allocation.by_host(names, addresses)
        sizes = slurm.insist(lambda: slurm.sizes_of(self._job))
        nodes = {host: {**node, **sizes.get(node["name"], {})} for host, node in found.items()}
        self._local.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._signs.begin()
        for of_former_job in (self._run / RECOVERY).glob("*"):
            of_former_job.unlink()
        known.write_hosts(nodes, {host: f"{host}.{self._asked['domain']}" for host in nodes})
        step = f"{self._job}.{self._step}" if self._step else ""
        known.write(self._job, self._restart, str(self._local), nodes, slurm.end_of(self._job), step)
        config = settings.CONFIG.format(**settings.JOB_PATHS, stack_id=self._asked["stack_id"])
        settings.write(self._run / "supervisord.conf", config)
        self._say(f"job {self._job}.{self._restart} on {', '.join(node['name'] for node in found.values())}")

    def _look(self) -> None:
        """Look at every node before any role starts.

        Raises:
            Refused: something is wrong, and a text with all of it.
        """
        self._beat("STARTING")
        begun = time.monotonic()
        found = node_check.look(self._directory, lambda: self._told)
        settings.write(self._run / PROBLEMS, json.dumps({"job": self._job, "problems": found}, indent=1) + "\n")
        if found and not self._told:
            raise Refused("\n".join(["the nodes are not in order:", *found]))
        self._say(f"all nodes looked at in {time.monotonic() - begun:.1f} s")

    def _take_data(self) -> None:
        """Open the data, which are on the nodes' own disks then where the config says so.

        Raises:
            Refused: they are not all there.
        """
        if self._is_local:
            staging = self._staging()
            if staging.bring():
                self._unsaved = staging.left(NOT_STOPPED)
            self._begun = time.monotonic()
        else:
            refuse_store(self._directory)
            self._data.take()

    @property
    def _is_local(self) -> bool:
        return bool(self._asked.get("storage") == LOCAL)

    def _staging(self) -> Staging:
        return Staging(self._directory, self._say, self._turn)

    def _turn(self, said: str = "") -> str:
        self._beat("STAGING", said)
        return self._told

    def _hold(self) -> None:
        """Keep a supervisord until somebody ends the job; one that was killed is followed by another."""
        supervisor = JobSupervisor(self._directory, self._asked["stack_id"])
        preparer, batch = Preparer(self._directory, self._say), Batch(self._directory, self._say)
        lead, least = self._asked.get("lead", 0), self._asked.get("least", 0)
        checkpoints = Checkpoints(self._directory, self._asked.get("checkpoint", 0), self._say)
        early = EarlyStop(self._directory, self._job, lead, supervisor.grace, self._say, least)
        while not self._told:
            supervisor.sweep(self._say)
            supervisor.files.socket.unlink(missing_ok=True)
            held = supervisor.launch(self._asked["supervisor"])
            revived = time.monotonic()
            while held.poll() is None and not self._told:
                self._beat("RUNNING" if supervisor.alive() else "STARTING")
                preparer.turn()
                checkpoints.turn()
                self._judge(supervisor, preparer)
                self._end_by(batch.turn())
                self._stage.turn()
                if (self._is_local or self._stage.has_results or self._step) and early.is_due():
                    self._hear(signal.SIGUSR1, None)
                if time.monotonic() - revived > REVIVAL:
                    revived = time.monotonic()
                    supervisor.revive(self._say)
                self._waked.wait(TURN)
            if checkpoints.end():
                self._unsaved = self._staging().left(NOT_STOPPED)
            # Of a job that is cancelled Slurm tells all steps, and supervisord is to start none of them anew.
            if self._told and batch.end(is_told=self._told == "CANCELLED"):
                self._status = CUT_SHORT
            preparer.end()
            self._end(supervisor, held)
            self._say(f"supervisord ended with {held.returncode}")

    def _has_ended_before(self) -> bool:
        """Whether this job was started again after it had done what it was for."""
        now = {"job": self._job, "restart": self._restart}
        run = BatchRun.here(self._run, now)
        if run.ends_the_job:
            self._say(f"batch {run.id} {run.state} already: nothing is started")
            self._end_by(1 if run.exit is None else run.exit)
        return run.ends_the_job

    def _end_by(self, status: int | None) -> None:
        """End in order where the batch run has ended for which the job was.

        Args:
            status: its exit status; None where it goes on, or the cluster stays.
        """
        if status is not None and not self._told:
            self._status, self._told = status, "FAILED" if status else "COMPLETED"

    def _judge(self, supervisor: JobSupervisor, preparer: Preparer) -> None:
        """Write down whether this start got ready; have the job not requeued after the second one that did not."""
        if self._judged:
            return
        why = supervisor.unready() or preparer.missing
        if not why:
            self._failures.forget()
            self._chain.note_ready()
        elif time.monotonic() - self._begun < PATIENCE:
            return
        else:
            self._failures.note(why)
            self._say(f"not ready within {PATIENCE / 60:.0f} min: {why}")
            if self._failures.hopeless and slurm.forbid_requeue(self._job):
                self._say("twice for the same reason: this job is not requeued again")
        self._judged = True

    def _end(self, supervisor: JobSupervisor, held: subprocess.Popen[bytes]) -> None:
        if self._told:
            self._say(f"{self._told}: all is stopped")
        if self._told != "CANCELLED" and self._told and held.poll() is None:
            self._beat("STOPPING")
            supervisor.down(self._say)
            if self._is_local:
                held.wait()
                self._unsaved = self._staging().keep()
            else:
                with suppress(OSError):
                    self._data.note(node_check.data_of(self._directory))
        elif held.poll() is None:
            held.terminate()
        held.wait()

    def _hear(self, number: int, frame: object) -> None:
        self._told = self._told or STATES[number]
        self._waked.set()

    def _beat(self, state: str, said: str = "") -> None:
        self._chain.turn()
        self._signs.beat(state, said)

    def _say(self, text: str) -> None:
        with suppress(OSError):
            print(time.strftime("%F %T"), text, flush=True)
