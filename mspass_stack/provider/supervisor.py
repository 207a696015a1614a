"""One supervisord per stack and host: it restarts what crashes, stops in order and keeps the logs."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault

import psutil
from supervisor.xmlrpc import Faults

from mspass_stack.provider import rpc
from mspass_stack.provider.resource import Refused
from mspass_stack.provider.sockets import HOME, PROCESS, STACK_ID, marked, marks_of
from mspass_stack.provider.waiting import wait_until

STRAY = 130
"""Seconds until a process that nobody supervises has ended: mongod's grace and a little more."""

STRIPPED = ("PULUMI_", "MSPASS_", "DASK_SCHEDULER_ADDRESS", "DASK_DISTRIBUTED__COMM__", "JUPYTER_TOKEN", "SUPERVISOR_")
"""Prefixes of environment names that a daemon must not inherit from the shell that runs Pulumi: a client profile of
another stack may be in it."""

CONFIG = """\
[unix_http_server]
file={run}/supervisor.sock
chmod=0700

[supervisord]
pidfile={run}/supervisord.pid
logfile={log}/supervisord.log
childlogdir={log}
directory={home}
identifier={stack_id}

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix://{run}/supervisor.sock

[include]
files=programs/*.ini
"""

PROGRAM = """\
[program:{name}]
command=/bin/sh "{run}/{name}.sh"
priority={order}
autorestart=true
startsecs=3
startretries=3
stopsignal={signal}
stopwaitsecs={grace}
killasgroup=true
redirect_stderr=true
stdout_logfile={log}/{name}.log
stdout_logfile_maxbytes=20MB
stdout_logfile_backups=3
"""

_locks: dict[Path, threading.RLock] = defaultdict(threading.RLock)


def incarnation(pid: int) -> str:
    """Which run of a process this is: pid, its start in clock ticks since boot, and the boot; empty when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return ""
    if fields[0] in "ZX":
        return ""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8]
    return f"{pid}-{fields[19]}-{boot}"


class Supervisor:
    """The supervisord of a stack's folder."""

    def __init__(self, home: str, stack_id: str) -> None:
        self.home, self.stack_id = Path(home), stack_id
        self.run, self.log = self.home / "run", self.home / "log"
        self._programs = self.run / "programs"
        self._lock = _locks[self.home]

    def alive(self) -> bool:
        """Whether it answers.

        Raises:
            Refused: it is there and hangs.
        """
        try:
            return self._rpc().getState()["statecode"] == 1
        except TimeoutError:
            raise Refused(
                f"supervisord (pid {self._pid()}) of {self.home} does not answer: "
                f"let it go on (kill -CONT {self._pid()}) or end it (kill -KILL {self._pid()}), and type pulumi up"
            ) from None
        except (OSError, Fault):
            return False

    def state(self, name: str) -> dict[str, Any]:
        """supervisord's word on a process: `statename`, `pid`, `exitstatus`; empty when it knows none."""
        if not self.alive():
            return {}
        try:
            return self._rpc().getProcessInfo(name)
        except (OSError, Fault):
            return {}

    def runs(self, name: str) -> str:
        """The incarnation of a process that is up under this supervisor; empty when there is none."""
        state = self.state(name)
        return incarnation(int(state["pid"])) if state.get("statename") in ("STARTING", "RUNNING") else ""

    def gave_up(self, name: str) -> bool:
        """Whether supervisord tries no more, or knows no such process."""
        return self.state(name).get("statename", "FATAL") == "FATAL"

    def start(self, name: str, launcher: str, order: int, stop_signal: str, grace: int) -> None:
        """Start a process under supervision by a launcher script; one of the same name must not be there."""
        with self._lock:
            self._ensure_running()
            script = self.run / f"{name}.sh"
            _write(script, launcher)
            values = {"name": name, "order": order, "signal": stop_signal, "grace": grace}
            _write(self._programs / f"{name}.ini", PROGRAM.format(run=self.run, log=self.log, **values))
            methods = self._rpc()
            methods.reloadConfig()
            methods.addProcessGroup(name)

    def stop(self, name: str) -> None:
        """Stop a process in the way that it was started with, and forget it; absent is fine."""
        if self.alive():
            grace = float(_settings(self._programs / f"{name}.ini")["stopwaitsecs"])
            methods = self._rpc(grace)
            for step in (methods.stopProcessGroup, methods.removeProcessGroup):
                try:
                    step(name)
                except Fault as fault:
                    if fault.faultCode not in (Faults.BAD_NAME, Faults.NOT_RUNNING):
                        raise
        self._stop_orphan(name)
        with self._lock:
            for path in (self._programs / f"{name}.ini", self.run / f"{name}.sh", self.run / f"{name}.pid"):
                path.unlink(missing_ok=True)
            if self.alive():
                self._rpc().reloadConfig()

    def shut_down(self) -> None:
        """Stop what is left, last started first, and end supervisord; leaves no file but the logs."""
        with self._lock:
            for name in self._names():
                self.stop(name)
            pid = self._pid()
            if self.alive():
                self._rpc().shutdown()
                wait_until(lambda: not incarnation(pid), 30)
            self._end_strays()
            shutil.rmtree(self.run, ignore_errors=True)

    def obituary(self, name: str) -> str:
        """How a process last ended by supervisord's own log, and the end of the process's log."""
        said = [line for line in self.tail("supervisord", 1000).splitlines() if f"exited: {name} (" in line]
        end = f"last ended with {said[-1].split(' (', 1)[1].split(';')[0].rstrip(')')}" if said else "still runs"
        return f"{end}; the end of its log:\n{self.tail(name)}"

    def tail(self, name: str, lines: int = 30) -> str:
        """The last lines of a process's log."""
        try:
            return last_lines(self.log / f"{name}.log", lines)
        except OSError:
            return "(no log)"

    def _ensure_running(self) -> None:
        if self.alive():
            return
        # A killed supervisord leaves its children; they get their own stop signal, last started first.
        for name in self._names():
            self._stop_orphan(name)
        self._end_strays()
        for folder in (self.run, self._programs, self.log):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for stale in (*self._programs.iterdir(), self.run / "supervisor.sock"):
            stale.unlink(missing_ok=True)
        config = self.run / "supervisord.conf"
        values = {"run": self.run, "log": self.log, "home": self.home, "stack_id": self.stack_id}
        _write(config, CONFIG.format(**values))
        environment = {key: value for key, value in os.environ.items() if not key.startswith(STRIPPED)}
        started = subprocess.run(
            [sys.executable, "-m", "supervisor.supervisord", "-c", config],
            env=environment | {STACK_ID: self.stack_id, HOME: str(self.home)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        if started.returncode or not wait_until(self.alive, 30):
            raise Refused(f"supervisord did not start in {self.home}:\n{started.stdout}{self.tail('supervisord')}")

    def _names(self) -> list[str]:
        """Processes that were started here, last started first."""
        ranked = sorted((int(_settings(path)["priority"]), path.stem) for path in self._programs.glob("*.ini"))
        return [name for _, name in reversed(ranked)]

    def _stop_orphan(self, name: str) -> None:
        """End a process of ours that no supervisor holds any more."""
        try:
            pid = int((self.run / f"{name}.pid").read_text())
        except (OSError, ValueError):
            return
        marks = marks_of(pid)
        if (marks.get(STACK_ID), marks.get(PROCESS)) != (self.stack_id, name):
            return
        settings = _settings(self._programs / f"{name}.ini")
        os.kill(pid, signal.Signals[f"SIG{settings['stopsignal']}"])
        if not wait_until(lambda: not incarnation(pid), float(settings["stopwaitsecs"])):
            os.killpg(pid, signal.SIGKILL)
            wait_until(lambda: not incarnation(pid), 10)

    def _end_strays(self) -> None:
        """End what runs for this folder although nothing in it says so any more: somebody removed the files.

        A supervisord ends its children in their order; what is left then gets SIGTERM and the time that mongod needs.
        """
        for supervisors_only in (True, False):
            strays = marked(self.stack_id, str(self.home))
            ending: list[psutil.Process] = []
            for pid, name in strays.items():
                if name and supervisors_only:
                    continue
                with suppress(psutil.NoSuchProcess):
                    ending.append(psutil.Process(pid))
                    ending[-1].terminate()
            _, alive = psutil.wait_procs(ending, timeout=STRAY)
            for process in alive:
                with suppress(psutil.NoSuchProcess):
                    process.kill()

    def _pid(self) -> int:
        try:
            return int((self.run / "supervisord.pid").read_text())
        except (OSError, ValueError):
            return 0

    def _rpc(self, more: float = 0) -> Any:
        return rpc.connect(self.run / "supervisor.sock", rpc.ANSWER + more)


def last_lines(path: Path, lines: int) -> str:
    """The end of a log."""
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])


def _settings(program: Path) -> dict[str, str]:
    """What a program's file says; the defaults of a stop where the file is gone."""
    text = program.read_text() if program.exists() else ""
    said = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    return {"priority": "0", "stopsignal": "TERM", "stopwaitsecs": "10"} | said


def _write(path: Path, text: str) -> None:
    """Write a file of the owner only, whole or not at all."""
    partial = path.with_suffix(path.suffix + ".partial")
    partial.touch(mode=0o600)
    partial.write_text(text)
    partial.replace(path)
