"""Hold one supervisord per stack directory: it restarts what crashes, stops in order and keeps the logs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from xmlrpc.client import Fault

from . import commands, orphans, proc, rpc, settings
from .errors import Refused
from .files import Files
from .lock import held
from .marks import HOME, PROCESS, STACK_ID
from .sockets import described, listeners
from .waiting import wait_until

START = 30
"""Seconds until supervisord answers, or has ended."""

FREE = 5
"""Seconds until Linux has closed the sockets of a process that was seen to have ended."""

TAIL = 30
"""Lines of a log that are shown with a failure."""


class Supervisor:
    """Act on the supervisord of a stack's directory."""

    def __init__(self, directory: str, stack_id: str) -> None:
        self.stack_id = stack_id
        self.files = Files(directory)

    def alive(self) -> bool:
        """Whether it answers.

        Raises:
            Refused: it is there and hangs.
        """
        try:
            return self._ask("getState")["statecode"] == 1
        except (OSError, Fault):
            return False

    def state(self, name: str) -> dict[str, Any]:
        """Ask for supervisord's word on a process: `statename`, `pid`, `exitstatus`; empty when it knows none."""
        if not self.alive():
            return {}
        try:
            return self._ask("getProcessInfo", name)
        except (OSError, Fault):
            return {}

    def incarnation(self, name: str) -> str:
        """Name the run of a process that is up under this supervisor; empty when there is none."""
        state = self.state(name)
        return proc.incarnation(int(state["pid"])) if state.get("statename") in ("STARTING", "RUNNING") else ""

    def has_given_up(self, name: str) -> bool:
        """Whether supervisord tries no more, or knows no such process."""
        return self.state(name).get("statename", "FATAL") == "FATAL"

    @property
    def waits(self) -> bool:
        """Whether what is written down is started by somebody else, later."""
        return False

    def refuse_held(self, ports: Sequence[int]) -> None:
        """Refuse ports that somebody else holds; what has just ended holds its own until its last thread has."""
        wait_until(lambda: not listeners(ports), FREE)
        for listener in listeners(ports):
            raise Refused(f"port {listener['port']} is held by {described(listener)}")

    def start(
        self,
        name: str,
        launcher: str,
        order: int,
        stop_signal: str,
        grace: int,
        supervisord: Sequence[str],
        step: str = "",
    ) -> None:
        """Start a process under supervision; one of the same name must not be there.

        Args:
            name: of the process.
            launcher: a script for /bin/sh that becomes the process.
            order: what has a higher one stops sooner.
            stop_signal: without SIG, as in `TERM`.
            grace: seconds until the process is killed after that signal.
            supervisord: the command that starts one; its config is added.
            step: what runs on the node of a process in a job, as JSON.
        """
        self.files.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with held(self.files.directory):
            self._ensure_running(supervisord)
            self.files.add(name, launcher, order, stop_signal, grace, step)
            if self.waits:
                return
            self._ask("reloadConfig")
            try:
                self._ask("addProcessGroup", name)
            except Fault as fault:
                if fault.faultCode != rpc.ALREADY_ADDED:
                    raise
                raise Refused(f"{name} was started by another command meanwhile: type pulumi up again") from None

    def restate(self, name: str, order: int, stop_signal: str, grace: int, step: str = "") -> None:
        """Write down how a running process is to be stopped, and what its next step is told, without a restart.

        The order counts from now on. supervisord keeps the signal and the grace that it started the process with; the
        new ones are for its next start, and for when it has lost its supervisor.
        """
        with held(self.files.directory):
            self.files.restate(name, order, stop_signal, grace)
            if step:
                settings.write(self.files.step(name), step)

    def stop(self, name: str) -> None:
        """Stop a process in the way that it was started with, and forget it; absent is fine."""
        self._end(name)
        with held(self.files.directory):
            self._forget(name)

    def halt(self, name: str) -> None:
        """Stop a process and keep it in mind."""
        longest = max(self.files.grace(name), orphans.STRAY) + rpc.ANSWER
        self._ask("stopProcess", name, False)
        if not wait_until(lambda: self.state(name).get("statename") == "STOPPED", longest):
            raise Refused(f"{name} of {self.files.directory} has not ended within {longest:.0f} s")

    def resume(self, name: str) -> None:
        """Start a process that was halted."""
        self._ask("startProcess", name, False)

    def shut_down(self) -> None:
        """Stop what is left, last started first, and end supervisord; leaves no file but the logs."""
        with held(self.files.directory):
            for name in self.files.names():
                self._end(name)
                self._forget(name)
            pid = self._pid()
            if self.alive():
                self._ask("shutdown")
                wait_until(lambda: not proc.incarnation(pid), START)
            orphans.end_strays(self.stack_id, str(self.files.directory))
            self.files.remove()

    def exit_report(self, name: str) -> str:
        """Tell how a process last ended by supervisord's own log, and the end of the process's log."""
        log = self.files.log_tail("supervisord", 1000).splitlines()
        said = [line for line in log if f"exited: {name} (" in line]
        end = f"last ended with {said[-1].split(' (', 1)[1].split(';')[0].rstrip(')')}" if said else "still runs"
        return f"{end}; the end of its log:\n{self.files.log_tail(name, TAIL)}"

    def _ensure_running(self, supervisord: Sequence[str]) -> None:
        if self.alive():
            return
        # A killed supervisord leaves its children; they get their own stop signal, last started first.
        for name in self.files.names():
            self._end_orphan(name)
        directory = str(self.files.directory)
        orphans.end_strays(self.stack_id, directory)
        config = self.files.prepare(self.stack_id)
        marks = {STACK_ID: self.stack_id, HOME: directory}
        said = commands.daemonize([*supervisord, "-c", str(config)], marks, START)
        if said or not wait_until(self.alive, START):
            tail = self.files.log_tail("supervisord", TAIL)
            raise Refused(f"supervisord did not start in {directory}:\n{said}{tail}")

    def _end(self, name: str) -> None:
        """End a process, supervised or not."""
        # supervisord itself kills what outlives its grace, which may be an older one than the file's.
        longest = max(self.files.grace(name), orphans.STRAY) + rpc.ANSWER
        if self.alive() and not wait_until(lambda: self._has_left(name), longest):
            raise Refused(f"{name} of {self.files.directory} has not ended within {longest:.0f} s")
        self._end_orphan(name)

    def _has_left(self, name: str) -> bool:
        """Take the next step to a process that supervisord holds no more, and tell whether it was the last."""
        running = self.state(name).get("statename") in ("STARTING", "RUNNING", "BACKOFF")
        try:
            # Not waited for: a wait of ours ends with an interrupt, one of supervisord's does not.
            if running:
                self._ask("stopProcessGroup", name, False)
            else:
                self._ask("removeProcessGroup", name)
        except Fault as fault:
            # It is stopping, or what had ended by itself is up again between two questions.
            if fault.faultCode == rpc.STILL_RUNNING:
                return False
            if fault.faultCode not in (rpc.BAD_NAME, rpc.NOT_RUNNING):
                raise
        except OSError:
            return True  # supervisord is gone; what it leaves is an orphan.
        return not running

    def _end_orphan(self, name: str) -> None:
        """End a process of ours that no supervisor holds any more."""
        pid = self.files.pid(name)
        marks = proc.marks_of(pid)
        if (marks.get(STACK_ID), marks.get(PROCESS)) == (self.stack_id, name):
            orphans.end_process(pid, self.files.stop_signal(name), self.files.grace(name))
        self._end_leftovers(name)

    def _end_leftovers(self, name: str) -> None:
        """End what is in the container of a process whose own program was killed: that one's pid says nothing of it."""
        if self.files.step(name).exists():
            orphans.end_strays(self.stack_id, str(self.files.directory), name)

    def _forget(self, name: str) -> None:
        self.files.forget(name)
        if self.alive():
            self._ask("reloadConfig")

    def _pid(self) -> int:
        return self.files.pid("supervisord")

    def _ask(self, method: str, *arguments: Any) -> Any:
        try:
            return rpc.ask(self.files.socket, method, *arguments)
        except TimeoutError:
            raise Refused(
                f"supervisord (pid {self._pid()}) of {self.files.directory} does not answer: "
                f"let it go on (kill -CONT {self._pid()}) or end it (kill -KILL {self._pid()}), and type pulumi up"
            ) from None
