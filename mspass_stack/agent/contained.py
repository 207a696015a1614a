"""Run a process in its container, in the foreground of who keeps it up: supervisord on a host, srun on a node."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from . import beside, orphans, proc
from .errors import Refused
from .files import Files
from .marks import DIGEST, HOME, PROCESS, STACK, STACK_ID
from .words import HERE, filled

MARKS = (STACK_ID, STACK, HOME, PROCESS, DIGEST)
"""What a process has in its environment; Apptainer lets nothing of its own environment in."""

SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER of prctl(2)."""


class Contained:
    """One process in its container.

    Args:
        directory: of the stack.
        name: of the process.
        local: the directory for what its container has on this machine's own disk.
    """

    def __init__(self, directory: str, name: str, local: Path) -> None:
        self.name, self._directory = name, directory
        self._spec: dict[str, Any] = json.loads(Files(directory).step(name).read_text(encoding="utf-8"))
        self._own = local
        self._known: dict[str, str] = {HERE: str(local)}
        self._told = 0
        self._child: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        """Run the process to its end; return its exit status, as a shell has it."""
        for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGINT):
            signal.signal(number, self._pass_on)
        os.umask(0o077)
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self._prepare()
        words = [*self._wrapper(), *self._filled("argv")]
        if self._told:
            return 0
        try:
            self._child = child = self._start(words)
        except OSError as error:
            raise Refused(f"{self.name}: {words[0]} does not run: {error.strerror}") from None
        (self._own / "pid").write_text(f"{child.pid}\n")
        if self._told:
            self._stop()
        status = self._accompany(child)
        shutil.rmtree(self._own, ignore_errors=True)
        return status if status >= 0 else 128 - status

    def _prepare(self) -> None:
        """Get ready; what a predecessor that was killed has left goes first."""
        # Whoever reads the image for a container that was killed is ours to end then.
        ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
        orphans.end_strays(os.environ[STACK_ID], self._directory, self.name)
        shutil.rmtree(self._own, ignore_errors=True)
        self._own.mkdir(mode=0o700, parents=True)

    def _start(self, words: Sequence[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(words, stdin=subprocess.DEVNULL, cwd="/")

    def _accompany(self, child: subprocess.Popen[bytes]) -> int:
        """Do what goes on beside the process until it ends; return its status."""
        status = child.wait()
        for pid in proc.children(os.getpid()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return status

    def _wrapper(self) -> list[str]:
        return [*self._filled("wrapper"), *_marks(os.environ)]

    def _filled(self, key: str) -> list[str]:
        return [filled(word, self._known) for word in self._spec[key]]

    def _pass_on(self, number: int, frame: object) -> None:
        self._told = self._told or number
        self._stop()

    def _stop(self) -> None:
        if self._child:
            self._child.send_signal(signal.Signals[f"SIG{self._spec.get('stop_signal', 'TERM')}"])


def place_of(directory: str, name: str) -> Path:
    """Return the directory for what a container on a host has there."""
    return Path(directory) / "run" / "containers" / name


def run_beside(
    directory: str, name: str, argv: Sequence[str], seconds: float, marks: Mapping[str, str]
) -> dict[str, Any]:
    """Run a command in the container of a process on this host: `status` and `output`.

    Args:
        marks: the environment of the process.
    """
    spec = json.loads(Files(directory).step(name).read_text(encoding="utf-8"))
    own = place_of(directory, name)
    words = [filled(word, {HERE: str(own)}) for word in spec["wrapper"]]
    return beside.run(own, [*words, *_marks(marks)], argv, seconds)


def _marks(environment: Mapping[str, str]) -> list[str]:
    return ["env", *(f"{key}={environment[key]}" for key in MARKS if key in environment)]
