"""A machine behind SSH, as the plugin works on it: by connections of its own, or by its user's."""

import shlex
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from io import BytesIO
from stat import S_IMODE, S_ISDIR
from typing import TypeVar

import paramiko

from mspass_stack.errors import Unreachable
from mspass_stack.machines import sftp
from mspass_stack.machines.agent import RemoteAgent
from mspass_stack.machines.base import Agent, Channel, CompletedCommand, is_open
from mspass_stack.machines.forward import forward_port
from mspass_stack.machines.master import Master
from mspass_stack.machines.relay import start_command
from mspass_stack.machines.sessions import OwnSessions, Sessions
from mspass_stack.spec.connection import ConnectionSpec

SESSIONS = 8
"""Commands and files at once; sshd takes ten in a connection."""

DIRECT_TIMEOUT = 1.0
"""Seconds until the direct way to a port is taken for closed, and SSH's is used."""

T = TypeVar("T")


class SshMachine:
    """A host behind SSH."""

    remote = True

    def __init__(self, connection: ConnectionSpec) -> None:
        self._spec = connection
        self._own, self._master = OwnSessions(connection), Master(connection)
        self._running = threading.BoundedSemaphore(SESSIONS)
        self._transfers = threading.Lock()
        self._sftp: paramiko.SFTPClient | None = None
        self._endpoints: dict[tuple[str, int], tuple[str, int]] = {}
        self._tunnels: dict[tuple[str, int], tuple[str, int]] = {}
        self.agent: Agent = RemoteAgent(connection, lambda argv: self._sessions.dial(shlex.join(argv)))

    @property
    def _sessions(self) -> Sessions:
        """Return what its user has opened where that stands, and no other once it has been used.

        Raises:
            Unreachable: it stands no more; with the line to type.
        """
        if self._master.stands():
            return self._master
        if self._master.was_used:
            raise Unreachable(self._master.gone)
        return self._own

    def run(self, argv: Sequence[str], stdin: str = "") -> CompletedCommand:
        with self._session():
            try:
                return self._sessions.run(shlex.join(argv), stdin.encode())
            except TimeoutError as error:
                raise TimeoutError(f"'{argv[0]}' there: {error}") from None

    def dial(self, argv: Sequence[str]) -> Channel:
        """Start a command; they may be many and long, and whoever has one may wait for another: none may wait."""
        sessions = self._sessions
        if sessions.are_few:
            return start_command(self.agent, argv)
        try:
            return sessions.dial(shlex.join(argv))
        except (paramiko.SSHException, EOFError, ConnectionError) as error:
            raise self._unreachable(error) from None

    def connect(self, address: str, port: int) -> Channel:
        return self._open_tunnel((address, port))

    def endpoint(self, address: str, port: int) -> tuple[str, int]:
        """Return the direct way where somebody answers it; behind a jump host an address may be another machine's."""
        place = address, port
        if place not in self._endpoints:
            here = address.startswith("127.") or address == "localhost"
            try:
                direct = not (here or self._sessions.is_behind) and is_open(address, port, DIRECT_TIMEOUT)
            except ConnectionRefusedError:
                return self._tunnel_to(place)  # by a firewall, or since nobody listens yet: it is tried again
            self._endpoints[place] = place if direct else self._tunnel_to(place)
        return self._endpoints[place]

    def forward(self, address: str, port: int) -> tuple[str, int]:
        return forward_port(partial(self._open_tunnel, (address, port)), port)

    def look(self) -> None:
        self._sessions.look()

    def make_directory(self, path: str, mode: int) -> None:
        self._files(lambda files: sftp.make_directory(files, path, mode))

    def is_directory(self, path: str) -> bool:
        found = self._files(lambda files: sftp.stat(files, path))
        return found is not None and S_ISDIR(found.st_mode or 0)

    def is_empty(self, path: str) -> bool:
        return not self._files(lambda files: files.listdir(path))

    def remove_directory(self, path: str) -> None:
        self._files(lambda files: files.rmdir(path))

    def exists(self, path: str) -> bool:
        return self._files(lambda files: sftp.stat(files, path)) is not None

    def mode(self, path: str) -> int:
        return S_IMODE(self._files(lambda files: files.stat(path)).st_mode or 0)

    def owner(self, path: str) -> tuple[int, int]:
        found = self._files(lambda files: files.stat(path))
        return found.st_uid or 0, found.st_gid or 0

    def read(self, path: str) -> str:
        def read(files: paramiko.SFTPClient) -> str:
            content = BytesIO()
            files.getfo(path, content)
            return content.getvalue().decode()

        return self._files(read)

    def write(self, path: str, content: str | bytes) -> None:
        def write(files: paramiko.SFTPClient) -> None:
            partial = f"{path}.partial"
            with suppress(FileNotFoundError):
                files.remove(partial)
            with files.open(partial, "wx") as file:
                file.chmod(0o600)
                file.write(content.encode() if isinstance(content, str) else content)
            files.posix_rename(partial, path)

        self._files(write)

    def remove(self, path: str) -> None:
        def remove(files: paramiko.SFTPClient) -> None:
            with suppress(FileNotFoundError):
                files.remove(path)

        self._files(remove)

    def _files(self, work: Callable[[paramiko.SFTPClient], T]) -> T:
        """Work on files, one piece of work at a time: the session for it is kept as the connection is."""
        with self._transfers, self._session():
            try:
                return self._work(work)
            except (EOFError, ConnectionError, paramiko.SSHException):
                # A connection that broke unseen is opened anew; what is done with files may be done twice.
                return self._work(work)

    def _work(self, work: Callable[[paramiko.SFTPClient], T]) -> T:
        kept, sessions = self._sftp, self._sessions
        if kept is None or not sessions.carry(kept):
            self._sftp = kept = sessions.files()
        try:
            return work(kept)
        except (TimeoutError, EOFError, ConnectionError, paramiko.SSHException):
            kept.close()  # a late answer would be taken for that to another question
            raise

    def _tunnel_to(self, place: tuple[str, int]) -> tuple[str, int]:
        if place not in self._tunnels:
            self._tunnels[place] = forward_port(partial(self._open_tunnel, place))
        return self._tunnels[place]

    def _open_tunnel(self, place: tuple[str, int]) -> Channel:
        try:
            return self._sessions.port(*place)
        except (paramiko.SSHException, EOFError) as error:
            raise ConnectionRefusedError(f"{place[0]}:{place[1]}: {error}") from None

    @contextmanager
    def _session(self) -> Generator[None]:
        with self._running:
            try:
                yield
            except (TimeoutError, paramiko.SSHException, EOFError, ConnectionError) as error:
                raise self._unreachable(error) from None

    def _unreachable(self, error: Exception) -> Unreachable:
        """Return what is to be said of a connection that broke."""
        why = f"{self}: {str(error) or type(error).__name__}"
        return Unreachable(self._master.gone if self._master.has_ended else why)

    def __str__(self) -> str:
        return str(self._spec)
