"""The claim on a lab's network: names and addresses are fixed, so of each number one lab is up at a time."""

import fcntl
import json
import os
from pathlib import Path
from typing import IO, Any, ClassVar

from mspass_stack.polling import wait_until
from tests.harness.lab import remains
from tests.harness.lab.command import LabError
from tests.harness.lab.network import LAB, Network
from tests.harness.ports import NUMBER

LOCKS = Path("/run")

LIMIT = 1800
"""Seconds to wait for another test process to close its lab."""


class Claim:
    """The claim of the lab in a folder.

    Its file is locked while the process with the claim lives; it names the folder of the lab, also when that process
    was killed.

    Args:
        kept: the lab outlives this process.
    """

    what: ClassVar = "lab"
    network: ClassVar[Network] = LAB

    def __init__(self, directory: Path, kept: bool = False) -> None:
        self._mine = {"folder": str(directory), "kept": kept, "pid": os.getpid()}
        # The names are the machine's, whatever cache one has.
        self._path = LOCKS / f"mspass-{self.what}{NUMBER}.lock"
        self._file: IO[str] | None = None

    @property
    def is_mine(self) -> bool:
        """Whether this folder's lab is the one that is up, whoever started it."""
        return self._holder().get("folder") == self._mine["folder"]

    def take(self) -> None:
        """Take the claim, and clear away what a killed process left.

        Raises:
            LabError: another lab is kept, is not closed, or is this process's own.
        """
        if os.geteuid():
            raise LabError(f"a {self.what} is made of namespaces, which takes root")
        self._file = self._path.open("a")
        wait_until(lambda: self._lock() or self._holder().get("pid") == os.getpid(), LIMIT)
        holder = self._holder()
        if not self._lock() or (holder.get("kept") and not self.is_mine and self.network.is_up()):
            self._file.close()
            end = f"`python -m tests.harness.{self.what} down` ends a kept one"
            raise LabError(f"a {self.what} is up in {holder.get('folder')}: {end}")
        if holder:
            self._clear(Path(holder["folder"]))
        self._path.write_text(json.dumps(self._mine))

    def release(self) -> None:
        if self.is_mine:
            self._path.write_text("")
        if self._file:
            self._file.close()

    def __enter__(self) -> None:
        self.take()

    def __exit__(self, *_: object) -> None:
        self.release()

    def _clear(self, directory: Path) -> None:
        """Remove what a process that held the claim left."""
        remains.end(directory)
        remains.remove(directory)

    def _lock(self) -> bool:
        assert self._file
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _holder(self) -> dict[str, Any]:
        text = self._path.read_text() if self._path.exists() else ""
        return json.loads(text) if text else {}
