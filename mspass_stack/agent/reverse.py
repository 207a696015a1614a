"""Lead a login host to a page of this node where nodes alone may dial out: OpenSSH's reverse forwarding, kept up.

At the login host the way begins at a Unix socket that only its user can open, in a directory of the same kind; where
the sshd there takes no sockets, at a port of its loopback interface. It begins anew after a cut: sshd leaves the socket
of a connection that broke, and listens at none that is there.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Any

from . import settings
from .allocation import Allocation

DIRECTORY = "reverse"
"""Of the run directory: a file of each login host with how it is reached there."""

FIRST_RETRY, LAST_RETRY = 1.0, 60.0
"""Seconds until a way that was cut is tried again; each time twice as long."""

STEADY = 30.0
"""Seconds after which one that was cut is tried at once."""

ANSWER = 60.0
"""Seconds for a command at the login host."""

ENOUGH = 5
"""Of what ssh says, the last lines are shown."""

OPTIONS = {
    "BatchMode": "yes",
    "ConnectTimeout": "15",
    "ServerAliveInterval": "15",
    "ServerAliveCountMax": "3",
    "ExitOnForwardFailure": "yes",
    # The user's own ssh_config may say other things of these.
    "ControlMaster": "no",
    "ControlPath": "none",
    "ForwardAgent": "no",
    "ForwardX11": "no",
    "PermitLocalCommand": "no",
    # It says there that a forwarding has been taken.
    "LogLevel": "DEBUG1",
}

PREPARE = (
    'umask 077; mkdir "$1" 2>/dev/null; if test -h "$1"; then exit 3; fi; '
    'test -d "$1" && test -O "$1" && chmod 700 "$1" && rm -f "$1/$2" || exit 3'
)
"""Has a directory of its user alone, and no old socket there. In quotes csh takes no newline and no `!`."""

NOT_OURS = 3
"""Its exit status where the directory is somebody else's."""

TAKEN = "remote forward success"
REFUSED = "remote port forwarding failed"
ALLOCATED = re.compile(r"Allocated port (\d+) for remote forward")


class Reverse:
    """The way of one login host to a port of this node.

    Args:
        directory: of the stack.
        login: the host, as this node knows it.
        address, port: of the page.
        socket: the name of the socket.
    """

    def __init__(self, directory: str, login: str, address: str, port: str, socket: str) -> None:
        self._run, self._login = Path(directory) / "run", login
        self._page, self._socket = f"{address}:{port}", socket
        self._place = f"/tmp/mspass-{os.getuid()}"
        self._port = 0
        self._child: subprocess.Popen[str] | None = None
        self._told = Event()

    def run(self) -> None:
        """Keep it up until it is told to end."""
        os.umask(0o077)
        signal.signal(signal.SIGTERM, self._hear)
        retry = FIRST_RETRY
        while not self._told.is_set():
            begun = time.monotonic()
            why = self._prepare() or self._lead()
            if self._told.is_set():
                break
            retry = FIRST_RETRY if time.monotonic() - begun > STEADY else min(2 * retry, LAST_RETRY)
            self._note("", why)
            self._told.wait(retry)
        self._child = None
        self._note("", "it has ended")
        self._prepare()

    def _prepare(self) -> str:
        """Have a place for the socket at the login host, and none in it; return why that is not to be had."""
        script = shlex.join(["exec", "sh", "-c", PREPARE, "sh", self._place, self._socket])
        status, said = self._ask([self._login, script])
        if status == NOT_OURS:
            return f"{self._place} of {self._login} is not its user's alone"
        return f"ssh {self._login}: {said}" if status else ""

    def _lead(self) -> str:
        """Lead there until the way is cut; return why."""
        refused, why = self._forward(f"{self._place}/{self._socket}")
        if refused and not self._told.is_set():
            print(f"{self._login}: its sshd takes no sockets: a port of its loopback interface is tried", flush=True)
            refused, why = self._forward(f"127.0.0.1:{self._port}")
            if refused:
                self._port = 0
        return why

    def _forward(self, begin: str) -> tuple[bool, str]:
        """Lead from a socket or port there; return whether that was refused, and why it has ended."""
        words = _ssh("-N", "-R", f"{begin}:{self._page}", self._login)
        said: list[str] = []
        refused = False
        try:
            self._child = child = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
            )
        except OSError as error:
            return False, f"this node has no ssh: {error.strerror}"
        if self._told.is_set():
            child.terminate()
        assert child.stderr
        for line in child.stderr:
            if found := ALLOCATED.search(line):
                self._port = int(found[1])
                self._note(str(self._port), "")
            elif TAKEN in line and not begin.endswith(":0"):  # of any port it says then which one
                self._note(begin if begin.startswith("/") else str(self._port), "")
            refused = refused or REFUSED in line
            said = [*said, line.strip()][-ENOUGH:] if not line.startswith("debug") else said
        child.wait()
        return refused, f"ssh {self._login}: {'; '.join(said) or f'exit status {child.returncode}'}"

    def _ask(self, words: list[str]) -> tuple[int, str]:
        try:
            ran = subprocess.run(
                _ssh(*words),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                timeout=ANSWER,
            )
        except subprocess.TimeoutExpired:
            return 255, f"no answer within {ANSWER:.0f} s"
        except OSError as error:
            return 255, f"this node has no ssh: {error.strerror}"
        lines = [line for line in ran.stderr.splitlines() if not line.startswith("debug")]
        return ran.returncode, "; ".join(lines[-ENOUGH:]) or f"exit status {ran.returncode}"

    def _note(self, at: str, why: str) -> None:
        """Say, and write down, where it begins, or why nowhere."""
        print(f"{self._login}: {at or why}", flush=True)
        known = Allocation(self._run).read()
        report = {"login": self._login, "at": at, "why": why, "job": known.get("job"), "restart": known.get("restart")}
        (self._run / DIRECTORY).mkdir(mode=0o700, exist_ok=True)
        with suppress(OSError):
            settings.write(self._run / DIRECTORY / f"{self._login}.json", json.dumps(report) + "\n")

    def _hear(self, number: int, frame: object) -> None:
        self._told.set()
        if self._child:
            self._child.terminate()


def report_of(read: Callable[[str], str], run: str, login: str, allocation: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the way of a `login` host is in a job: `at`, where it begins there, and `why` nowhere.

    Args:
        read: reads a file.
        run: the run directory.
        allocation: what is known of the job; nothing where none runs.
    """
    if not allocation:
        return {"login": login, "at": "", "why": "no job runs"}
    try:
        known: dict[str, Any] = json.loads(read(f"{run}/{DIRECTORY}/{login}.json"))
    except (OSError, ValueError):
        known = {}
    if any(known.get(key) != allocation[key] for key in ("job", "restart")):
        return {"login": login, "at": "", "why": "its process has not said anything yet"}
    return {key: known[key] for key in ("login", "at", "why")}


def _ssh(*words: str) -> list[str]:
    options = [word for name, value in OPTIONS.items() for word in ("-o", f"{name}={value}")]
    return ["ssh", "-T", "-n", *options, *words]


def main(*words: str) -> None:
    """Keep a way up, whose parts are the words."""
    Reverse(*words).run()
    sys.exit(0)
