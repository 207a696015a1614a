"""What is done in SSH connections to a host; here in those that are opened and kept by this process."""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import paramiko

from mspass_stack.machines import sftp
from mspass_stack.machines.base import TRANSFER_TIMEOUT, Channel, CompletedCommand, completed
from mspass_stack.machines.connection import CONNECT_TIMEOUT, Connection
from mspass_stack.spec.connection import ConnectionSpec

STREAMS = 8
"""Streams in one connection, of the ten sessions that sshd takes."""


class Sessions(Protocol):
    """What is done in connections to a host. Each call raises `Unreachable`, and what paramiko and sockets do.

    Attributes:
        are_few: there will be no other connection than this one, whose sessions must do for all.
        is_behind: the host is reached through another one.
    """

    are_few: bool

    @property
    def is_behind(self) -> bool: ...

    def run(self, line: str, stdin: bytes) -> CompletedCommand:
        """Run a command line.

        Raises:
            TimeoutError: it has said nothing for a while.
            EOFError: the connection broke meanwhile.
        """
        ...

    def dial(self, line: str) -> Channel:
        """Start a command line, and return the byte stream of its standard input and output."""
        ...

    def files(self) -> paramiko.SFTPClient:
        """Open a session for files."""
        ...

    def carry(self, files: paramiko.SFTPClient) -> bool:
        """Return whether a session for files is still open here."""
        ...

    def port(self, address: str, port: int, /) -> Channel:
        """Open the byte stream of a connection to a port that the host sees."""
        ...

    def look(self) -> None:
        """See that the host answers."""
        ...


class OwnSessions:
    """In connections of this process: one for what is short, one more for every eight streams."""

    are_few = False

    def __init__(self, connection: ConnectionSpec) -> None:
        self._spec = connection
        self._connection = Connection(connection)
        self._pool: list[_PooledConnection] = []
        self._opening = threading.Lock()

    @property
    def is_behind(self) -> bool:
        return self._connection.is_behind

    def run(self, line: str, stdin: bytes) -> CompletedCommand:
        channel = self._command(line)
        try:
            channel.sendall(stdin)
            channel.shutdown_write()
            output: dict[str, bytes] = {}
            errors = threading.Thread(target=lambda: output.update(err=_errors_of(channel)))
            errors.start()
            output["out"] = channel.makefile("rb").read()
            errors.join()
            status = channel.recv_exit_status()
        except TimeoutError:
            raise TimeoutError(f"has said nothing for {TRANSFER_TIMEOUT} s") from None
        finally:
            channel.close()
        return completed(status, output["out"], output["err"])

    def dial(self, line: str) -> Channel:
        with self._opening:
            pooled = next((pooled for pooled in self._pool if pooled.used < STREAMS), None)
            if pooled is None:
                self._pool.append(pooled := _PooledConnection(Connection(self._spec)))
            pooled.used += 1
        try:
            channel = pooled.connection.session()
            channel.exec_command(line)
        except BaseException:
            self._release(pooled)
            raise
        return _ExecChannel(channel, partial(self._release, pooled))

    def files(self) -> paramiko.SFTPClient:
        return sftp.open_files(self._subsystem, self._command)

    def carry(self, files: paramiko.SFTPClient) -> bool:
        channel = files.get_channel()
        return (
            isinstance(channel, paramiko.Channel)
            and not channel.closed
            and channel.get_transport() is self._connection.transport()
        )

    def port(self, address: str, port: int, /) -> Channel:
        transport = self._connection.transport()
        return transport.open_channel("direct-tcpip", (address, port), ("127.0.0.1", 0), timeout=CONNECT_TIMEOUT)

    def look(self) -> None:
        self._connection.look()

    def _subsystem(self) -> paramiko.Channel:
        channel = self._session()
        channel.invoke_subsystem("sftp")
        return channel

    def _command(self, line: str) -> paramiko.Channel:
        channel = self._session()
        channel.exec_command(line)
        return channel

    def _session(self) -> paramiko.Channel:
        channel = self._connection.session()
        channel.settimeout(TRANSFER_TIMEOUT)
        return channel

    def _release(self, pooled: "_PooledConnection") -> None:
        with self._opening:
            pooled.used -= 1


@dataclass
class _PooledConnection:
    """A connection for streams that are kept open, and how many of its sessions are in use."""

    connection: Connection
    used: int = 0


@dataclass(frozen=True)
class _ExecChannel:
    """The stream of a command, which makes room for the next when it is closed."""

    channel: paramiko.Channel
    release: Callable[[], None]

    def recv(self, nbytes: int, /) -> bytes:
        return self.channel.recv(nbytes)

    def sendall(self, data: bytes, /) -> object:
        return self.channel.sendall(data)

    def shutdown(self, how: int, /) -> object:
        return self.channel.shutdown(how)

    def close(self) -> None:
        if not self.channel.closed:
            self.channel.close()
            self.release()


def _errors_of(channel: paramiko.Channel) -> bytes:
    """Read what a command says on its standard error; the deadline is its output's business."""
    with suppress(TimeoutError):
        return channel.makefile_stderr("rb").read()
    return b""
