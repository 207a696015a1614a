"""A machine of a stack, as the plugin works on it: this one, or one behind SSH (`transport.py`)."""

import os
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class Unreachable(Exception):
    """A host cannot be reached; the text names it and says why."""


@dataclass(frozen=True)
class Ran:
    """A command that has ended."""

    status: int
    stdout: str
    stderr: str


class Machine(Protocol):
    """What the plugin asks of a machine. Paths are absolute; each call raises `Unreachable`, and OSError as `pathlib`.

    Attributes:
        remote: whether it is another machine than this one.
    """

    @property
    def remote(self) -> bool: ...
    def run(self, argv: Sequence[str], stdin: str = "") -> Ran: ...
    def engine(self, address: str) -> str:
        """Where its Docker engine is reached from here; `address` is what the stack says of it."""
        ...

    def meet(self, address: str, port: int) -> tuple[str, int]:
        """Where a port that the machine sees at `address` is reached from here."""
        ...

    def make_folder(self, path: str, mode: int) -> None: ...
    def is_folder(self, path: str) -> bool: ...
    def is_empty(self, path: str) -> bool: ...
    def remove_folder(self, path: str) -> None: ...
    def exists(self, path: str) -> bool: ...
    def mode(self, path: str) -> int: ...
    def owner(self, path: str) -> tuple[int, int]:
        """uid and gid."""
        ...

    def read(self, path: str) -> str: ...
    def write(self, path: str, text: str) -> None:
        """Write a file of the owner only, whole or not at all."""
        ...

    def remove(self, path: str) -> None:
        """Remove a file; absent is fine."""
        ...


class Here:
    """This machine."""

    remote = False

    def run(self, argv: Sequence[str], stdin: str = "") -> Ran:
        ran = subprocess.run(argv, input=stdin, capture_output=True, text=True)
        return Ran(ran.returncode, ran.stdout, ran.stderr)

    def engine(self, address: str) -> str:
        return address

    def meet(self, address: str, port: int) -> tuple[str, int]:
        return address, port

    def make_folder(self, path: str, mode: int) -> None:
        Path(path).mkdir(mode=mode, parents=True, exist_ok=True)

    def is_folder(self, path: str) -> bool:
        return Path(path).is_dir()

    def is_empty(self, path: str) -> bool:
        return not any(Path(path).iterdir())

    def remove_folder(self, path: str) -> None:
        Path(path).rmdir()

    def exists(self, path: str) -> bool:
        return Path(path).exists()

    def mode(self, path: str) -> int:
        return Path(path).stat().st_mode & 0o7777

    def owner(self, path: str) -> tuple[int, int]:
        found = Path(path).stat()
        return found.st_uid, found.st_gid

    def read(self, path: str) -> str:
        return Path(path).read_text()

    def write(self, path: str, text: str) -> None:
        partial = Path(f"{path}.partial")
        partial.unlink(missing_ok=True)
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        partial.replace(path)

    def remove(self, path: str) -> None:
        Path(path).unlink(missing_ok=True)


def is_open(address: str, port: int, timeout: float) -> bool:
    """Whether somebody answers at a port.

    Raises:
        ConnectionRefusedError: nobody listens there, or a firewall says so.
    """
    try:
        socket.create_connection((address, port), timeout).close()
    except ConnectionRefusedError:
        raise
    except OSError:
        return False
    return True
