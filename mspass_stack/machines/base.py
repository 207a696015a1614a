"""What a machine of a stack is, as the plugin works on it."""

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class CompletedCommand:
    """A command that has ended."""

    status: int
    stdout: str
    stderr: str


TRANSFER_TIMEOUT = 60
"""Seconds for one answer of a command over there, or about files."""


def completed(status: int, output: bytes, errors: bytes) -> CompletedCommand:
    """Return a command that has ended over there.

    Raises:
        EOFError: it has no exit status: the connection broke before.
    """
    if status < 0:
        raise EOFError("the connection broke while a command ran")
    return CompletedCommand(status, output.decode(errors="replace"), errors.decode(errors="replace"))


class Channel(Protocol):
    """The far end of a byte stream, as paramiko and sockets have it."""

    def recv(self, nbytes: int, /) -> bytes: ...
    def sendall(self, data: bytes, /) -> object: ...
    def shutdown(self, how: int, /) -> object: ...
    def close(self) -> object: ...


class Agent(Protocol):
    """The host-side half of what the plugin does (`mspass_stack.agent`), wherever it runs."""

    def call(self, call: str, /, **arguments: Any) -> Any:
        """Ask for something, by the names in `agent.calls`.

        Raises:
            Refused: it cannot or must not be done; the text is for the user.
            Unreachable: the host does not answer, or has no Python for it.
        """
        ...


class Machine(Protocol):
    """What the plugin asks of a machine. Paths are absolute; each call raises `Unreachable`, and OSError as `pathlib`.

    Attributes:
        remote: whether it is another machine than this one.
        agent: the half of the plugin that acts there; needs a Python.
    """

    @property
    def remote(self) -> bool: ...
    @property
    def agent(self) -> Agent: ...
    def run(self, argv: Sequence[str], stdin: str = "") -> CompletedCommand: ...
    def dial(self, argv: Sequence[str]) -> Channel:
        """Start a command there, and return the byte stream of its standard input and output."""
        ...

    def connect(self, address: str, port: int) -> Channel:
        """Return the byte stream of a connection to a port that the machine sees."""
        ...

    def endpoint(self, address: str, port: int) -> tuple[str, int]:
        """Return where a port that the machine sees at `address` is reached from here."""
        ...

    def forward(self, address: str, port: int) -> tuple[str, int]:
        """Return the same for its user: a port of this machine alone, of that number if it is free."""
        ...

    def look(self) -> None:
        """See that it answers; a connection that broke is opened anew."""
        ...

    def make_directory(self, path: str, mode: int) -> None: ...
    def is_directory(self, path: str) -> bool: ...
    def is_empty(self, path: str) -> bool: ...
    def remove_directory(self, path: str) -> None: ...
    def exists(self, path: str) -> bool: ...
    def mode(self, path: str) -> int: ...
    def owner(self, path: str) -> tuple[int, int]:
        """Return uid and gid."""
        ...

    def read(self, path: str) -> str: ...
    def write(self, path: str, content: str | bytes) -> None:
        """Write a file of the owner only, whole or not at all."""
        ...

    def remove(self, path: str) -> None:
        """Remove a file; absent is fine."""
        ...


def is_open(address: str, port: int, timeout: float) -> bool:
    """Return whether somebody answers at a port.

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
