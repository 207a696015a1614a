"""Know the data of a stack's database on this node's own disk: a directory for each server, by the run that has them.

What a job that was killed has left is found there by the next one that gets the node, and by nobody else.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from .errors import Refused

LOCK = "mongod.lock"
"""Of a server's data: it holds a lock on it as long as it has them open."""

PARTIAL = ".partial"
"""Behind the name of a server whose data are not all here yet."""

RAM = ("tmpfs", "ramfs")


class LocalData:
    """The data on this node.

    Args:
        directory: of the stack, by which one finds them whose id is another one after a `destroy`.
        allocation: of the job.
        kind: what data they are.
    """

    def __init__(self, directory: str, allocation: Mapping[str, Any], kind: str = "data") -> None:
        name = f"mspass-{os.getuid()}-{kind}-{hashlib.sha256(directory.encode()).hexdigest()[:12]}"
        self.place = Path(allocation["local"]).parent / name
        self.run = run_of(allocation)

    def ensure(self) -> None:
        """Make the directory, which nobody else may enter.

        Raises:
            Refused: somebody else has it.
        """
        with suppress(FileExistsError):
            self.place.mkdir(mode=0o700)
        found = self.place.lstat()
        if found.st_uid != os.getuid() or not self.place.is_dir() or self.place.is_symlink():
            raise Refused(f"{self.place} is not ours: have it removed, or say another local in the profile")
        self.place.chmod(0o700)

    def of(self, member: str, run: str = "") -> Path:
        """Return the directory of a server's data, of this run or another."""
        return self.place / (run or self.run) / member

    def members(self, run: str) -> list[str]:
        """Return the servers whose data of a run are all here."""
        own = self.place / run
        found = own.iterdir() if own.is_dir() else iter(())
        return sorted(place.name for place in found if place.is_dir() and place.suffix != PARTIAL)

    def forget(self, *but: str) -> None:
        """Remove the data of all runs but some."""
        for place in self.place.iterdir() if self.place.is_dir() else ():
            if place.name not in but:
                shutil.rmtree(place, ignore_errors=True)

    @property
    def free(self) -> int:
        """The bytes that the disk has left."""
        return shutil.disk_usage(self._there).free

    @property
    def is_ram(self) -> bool:
        """Whether the disk is memory, which is charged to the job."""
        return is_ram(self._there)

    @property
    def _there(self) -> Path:
        return self.place if self.place.is_dir() else self.place.parent


def is_ram(place: Path) -> bool:
    """Whether a directory is in memory."""
    found = ("", "")
    real = str(place.resolve())
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, point, kind, *_ = line.split()
        if real == point or real.startswith(point.rstrip("/") + "/"):
            found = max(found, (point, kind), key=lambda mount: len(mount[0]))
    return found[1] in RAM


def run_of(allocation: Mapping[str, Any]) -> str:
    """Return which start of which job it is, as one word."""
    return f"{allocation['job']}.{allocation['restart']}"


@contextmanager
def unopened(data: Path) -> Generator[None]:
    """Hold a server's data so that no server opens them.

    Raises:
        Refused: one has them open.
    """
    lock = data / LOCK
    if not lock.exists():
        yield
        return
    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Refused(f"{data} is not copied: a server has it open") from None
        yield
