"""Hold the supervisord of a Slurm job: what a stack runs there is in its files, whether or not a job is there."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from threading import Thread
from xmlrpc.client import Fault

from . import proc, rpc, settings
from .allocation import Allocation
from .files import Files
from .lock import held
from .marks import DIGEST
from .supervisor import Supervisor
from .waiting import wait_until

MARKER = "kept-in-a-job"
"""The file of the run directory that says that a Slurm job keeps its processes up."""

SETTLE = 5.0
"""Seconds beyond a grace, for supervisord to see that a process has ended."""

STEADY = 10
"""Seconds of a process that stays up."""


class JobFiles(Files):
    """Name the files of a stack whose pids and socket are on a node of its job."""

    paths = settings.JOB_PATHS
    program = settings.JOB_PROGRAM

    def __init__(self, directory: str) -> None:
        super().__init__(directory)
        self.local = Allocation(self.run).local

    def bytes(self, name: str) -> Path:
        """Return the file with how much a process has on its node's own disk."""
        return self.run / f"{name}.bytes"

    def forget(self, name: str) -> None:
        super().forget(name)
        self.bytes(name).unlink(missing_ok=True)

    def log_tail(self, name: str, lines: int) -> str:
        """Read the last lines of a process's log, and what srun itself said."""
        said = super().log_tail(name, lines)
        words = super().log_tail(f"{name}.srun", 5) if (self.log / f"{name}.srun.log").exists() else ""
        return f"{said}\nsrun: {words}" if words else said


class JobSupervisor(Supervisor):
    """Act on the supervisord of a job from its first node; from elsewhere, on its files."""

    def __init__(self, directory: str, stack_id: str) -> None:
        super().__init__(directory, stack_id)
        self.files = JobFiles(directory)

    @property
    def waits(self) -> bool:
        """Whether no job is there, or is not asked from its first node."""
        return not self.alive()

    def has_given_up(self, name: str) -> bool:
        """Whether supervisord tries no more; one that is gone is followed by another."""
        return self.alive() and super().has_given_up(name)

    def refuse_held(self, ports: Sequence[int]) -> None:
        """Leave it to the step on the node of the process."""

    def _end_leftovers(self, name: str) -> None:
        """Leave that to Slurm, which ends all of a step."""

    def launch(self, supervisord: str) -> subprocess.Popen[bytes]:
        """Start one; whoever calls this ends it.

        Args:
            supervisord: its program.
        """
        words = [sys.executable, "-I", supervisord, "d", "-n", "-c", str(self.files.run / "supervisord.conf")]
        null = subprocess.DEVNULL
        # A group of its own: what the terminal or Slurm sends to ours is ours to pass on. And a file on the node's own
        # disk: one that cannot even complain of a full disk ends.
        with (self.files.socket.parent / "supervisord.err").open("wb") as said:
            return subprocess.Popen(words, stdin=null, stdout=null, stderr=said, start_new_session=True)

    def down(self, say: Callable[[str], object]) -> None:
        """Stop all processes, the last started first and all of one rank at once; then supervisord."""
        for order, names in self._ranks():
            begun = time.monotonic()
            self._at_once(self._halt_if_up, names)
            say(f"order {order} stopped in {time.monotonic() - begun:.1f} s: {', '.join(names)}")
        if self.alive():
            self._ask("shutdown")

    @property
    def grace(self) -> float:
        """Seconds that `down` may take."""
        return sum(max(self.files.grace(name) for name in names) + SETTLE for _, names in self._ranks())

    def sweep(self, say: Callable[[str], object]) -> None:
        """End what a supervisord that was killed has left, in the same order."""
        for _, names in self._ranks():
            left = [name for name in names if proc.incarnation(self.files.pid(name))]
            if left:
                say(f"left over: {', '.join(left)}")
                self._at_once(self._end_orphan, left)

    def revive(self, say: Callable[[str], object]) -> None:
        """Start again what supervisord has given up: an outage of the controller outlasts its tries."""
        for name in self.files.names():
            if self.state(name).get("statename") == "FATAL":
                say(f"started again: {name}")
                self._ask("startProcess", name, False)

    def unready(self) -> str:
        """Say which processes do not stay up, and how they last ended; empty where all do."""
        if not self.alive():
            return "supervisord does not answer"
        known = {info["name"]: info for info in self._ask("getAllProcessInfo")}
        found: list[str] = []
        for name in reversed(self.files.names()):
            info = known.get(name, {})
            if info.get("statename") != "RUNNING" or info["now"] - info["start"] < STEADY:
                found.append(f"{name} (exit status {info.get('exitstatus', '?')})")
        return ", ".join(found)

    def apply(self) -> None:
        """Take in what the files say since supervisord has read them: what is new starts, what differs restarts."""
        with held(self.files.directory):
            self._ask("reloadConfig")
            for name in reversed(self.files.names()):
                try:
                    self._ask("addProcessGroup", name)
                except Fault as fault:
                    if fault.faultCode != rpc.ALREADY_ADDED:
                        raise
        for name in self.files.names():
            pid = int(self.incarnation(name).partition("-")[0] or 0)
            if pid and proc.marks_of(pid).get(DIGEST) != self.files.digest(name):
                self.halt(name)
                self.resume(name)

    def _ensure_running(self, supervisord: Sequence[str]) -> None:
        """Leave it to the job."""

    def _ranks(self) -> Iterable[tuple[int, list[str]]]:
        names = self.files.names()
        for order in sorted({self.files.order(name) for name in names}, reverse=True):
            yield order, [name for name in names if self.files.order(name) == order]

    def _at_once(self, step: Callable[[str], object], names: Sequence[str]) -> None:
        threads = [Thread(target=step, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _halt_if_up(self, name: str) -> None:
        try:
            self._ask("stopProcess", name, False)
        except Fault as fault:
            if fault.faultCode not in (rpc.BAD_NAME, rpc.NOT_RUNNING):
                raise
        longest = self.files.grace(name) + SETTLE
        wait_until(lambda: self.state(name).get("statename", "") not in ("STOPPING", "RUNNING", "STARTING"), longest)


def supervisor_of(directory: str, stack_id: str) -> Supervisor:
    """Return who keeps up the processes of a stack's directory."""
    kept_in_a_job = (Path(directory) / "run" / MARKER).exists()
    return JobSupervisor(directory, stack_id) if kept_in_a_job else Supervisor(directory, stack_id)
