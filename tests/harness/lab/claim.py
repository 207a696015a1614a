"""The claim on a lab's network: names and addresses are fixed, so of each number one lab is up at a time."""

import fcntl
import json
import os
from pathlib import Path
from typing import IO, Any

from mspass_stack.polling import wait_until
from tests.harness.engine import CACHE
from tests.harness.lab import network, remains
from tests.harness.lab.command import LabError

FILE = CACHE.with_name(f"lab{network.NUMBER}.lock")
"""Locked while the process with the claim lives; names the folder of the lab, also when that process was killed."""

LIMIT = 1800
"""Seconds to wait for another test process to close its lab."""


class Claim:
    """The claim of the lab in a folder.

    Args:
        kept: the lab outlives this process.
    """

    def __init__(self, directory: Path, kept: bool = False) -> None:
        self._mine = {"folder": str(directory), "kept": kept, "pid": os.getpid()}
        self._file: IO[str] | None = None

    @property
    def is_mine(self) -> bool:
        """Whether this folder's lab is the one that is up, whoever started it."""
        return _holder().get("folder") == self._mine["folder"]

    def take(self) -> None:
        """Take the claim, and clear away what a killed process left.

        Raises:
            LabError: another lab is kept, is not closed, or is this process's own.
        """
        if os.geteuid():
            raise LabError("a lab is made of namespaces, which takes root")
        FILE.parent.mkdir(parents=True, exist_ok=True)
        self._file = FILE.open("a")
        wait_until(lambda: self._lock() or _holder().get("pid") == os.getpid(), LIMIT)
        holder = _holder()
        if not self._lock() or (holder.get("kept") and not self.is_mine and network.is_up()):
            self._file.close()
            raise LabError(f"a lab is up in {holder.get('folder')}: `python -m tests.harness.lab down` ends a kept one")
        if holder:
            remains.end(Path(holder["folder"]))
            remains.remove(Path(holder["folder"]))
        FILE.write_text(json.dumps(self._mine))

    def release(self) -> None:
        if self.is_mine:
            FILE.write_text("")
        if self._file:
            self._file.close()

    def __enter__(self) -> None:
        self.take()

    def __exit__(self, *_: object) -> None:
        self.release()

    def _lock(self) -> bool:
        assert self._file
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _holder() -> dict[str, Any]:
    text = FILE.read_text() if FILE.exists() else ""
    return json.loads(text) if text else {}
