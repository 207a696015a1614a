"""A machine behind SSH (`connection.py`), as the plugin works on it."""

import shlex
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import PurePosixPath
from stat import S_IMODE, S_ISDIR
from typing import TypeVar

import paramiko

from mspass_stack.errors import Unreachable
from mspass_stack.machines.agent import RemoteAgent
from mspass_stack.machines.base import Agent, Channel, CompletedCommand, is_open
from mspass_stack.machines.connection import CONNECT_TIMEOUT, Connection
from mspass_stack.machines.forward import forward_port
from mspass_stack.spec.connection import ConnectionSpec

TRANSFER_TIMEOUT = 60
"""Seconds for one answer of a command, or about files."""

SESSIONS = 8
"""Commands at once in one connection, of the ten that sshd takes; what is kept open for files is another one."""

DIRECT_TIMEOUT = 1.0
"""Seconds until the direct way to a port is taken for closed, and SSH's is used."""

SAYS_MORE = (
    "its files cannot be reached by SFTP: does the login shell print something of its own (an echo in .bashrc)? It may "
    "only where it is asked from a terminal: [ -t 1 ] && echo ..."
)

MARK = b"mspass-stack-files\n"

SFTP = (
    f"echo {MARK.decode().strip()}; for server in /usr/lib/openssh /usr/libexec/openssh /usr/lib/ssh /usr/libexec; do "
    '[ ! -x "$server/sftp-server" ] || exec "$server/sftp-server"; done'
)
"""Says that nothing but the server of SFTP follows, and becomes that."""

T = TypeVar("T")


class SshMachine:
    """A host behind SSH."""

    remote = True

    def __init__(self, connection: ConnectionSpec) -> None:
        self._spec = connection
        self._connection = Connection(connection)
        self._sessions = threading.BoundedSemaphore(SESSIONS)
        self._pool: list[_PooledConnection] = []
        self._transfers = threading.Lock()
        self._sftp: paramiko.SFTPClient | None = None
        self._endpoints: dict[tuple[str, int], tuple[str, int]] = {}
        self._tunnels: dict[tuple[str, int], tuple[str, int]] = {}
        self._opening = threading.Lock()
        self.agent: Agent = RemoteAgent(connection, self.dial)

    def run(self, argv: Sequence[str], stdin: str = "") -> CompletedCommand:
        with self._session():
            channel = self._connection.session()
            channel.settimeout(TRANSFER_TIMEOUT)
            channel.exec_command(shlex.join(argv))
            try:
                channel.sendall(stdin.encode())
                channel.shutdown_write()
                output: dict[str, bytes] = {}
                errors = threading.Thread(target=lambda: output.update(err=_errors_of(channel)))
                errors.start()
                output["out"] = channel.makefile("rb").read()
                errors.join()
                status = channel.recv_exit_status()
            except TimeoutError:
                raise TimeoutError(f"'{argv[0]}' there has said nothing for {TRANSFER_TIMEOUT} s") from None
            finally:
                channel.close()
            if status < 0:
                raise EOFError("the connection broke while a command ran")
        return CompletedCommand(status, output["out"].decode(errors="replace"), output["err"].decode(errors="replace"))

    def dial(self, argv: Sequence[str]) -> Channel:
        """Start a command; they may be many and long, and whoever has one may wait for another: none may wait."""
        with self._opening:
            pooled = next((pooled for pooled in self._pool if pooled.used < SESSIONS), None)
            if pooled is None:
                self._pool.append(pooled := _PooledConnection(Connection(self._spec)))
            pooled.used += 1
        try:
            channel = pooled.connection.session()
            channel.exec_command(shlex.join(argv))
        except BaseException as error:
            self._release(pooled)
            if isinstance(error, paramiko.SSHException | EOFError | ConnectionError):
                raise Unreachable(f"{self}: {str(error) or type(error).__name__}") from None
            raise
        return _ExecChannel(channel, partial(self._release, pooled))

    def connect(self, address: str, port: int) -> Channel:
        try:
            return self._open_tunnel((address, port))
        except (paramiko.SSHException, EOFError) as error:
            raise ConnectionRefusedError(f"{address}:{port}: {error}") from None

    def endpoint(self, address: str, port: int) -> tuple[str, int]:
        """Return the direct way where somebody answers it; behind a jump host an address may be another machine's."""
        place = address, port
        if place not in self._endpoints:
            here = address.startswith("127.") or address == "localhost"
            try:
                direct = not (here or self._connection.is_behind) and is_open(address, port, DIRECT_TIMEOUT)
            except ConnectionRefusedError:
                return self._tunnel_to(place)  # by a firewall, or since nobody listens yet: it is tried again
            self._endpoints[place] = place if direct else self._tunnel_to(place)
        return self._endpoints[place]

    def forward(self, address: str, port: int) -> tuple[str, int]:
        return forward_port(partial(self._open_tunnel, (address, port)), port)

    def look(self) -> None:
        self._connection.look()

    def make_directory(self, path: str, mode: int) -> None:
        def make(files: paramiko.SFTPClient) -> None:
            for directory in [*reversed(PurePosixPath(path).parents), PurePosixPath(path)]:
                if _stat(files, str(directory)) is None:
                    _make_directory(files, str(directory), mode)

        self._files(make)

    def is_directory(self, path: str) -> bool:
        found = self._files(lambda files: _stat(files, path))
        return found is not None and S_ISDIR(found.st_mode or 0)

    def is_empty(self, path: str) -> bool:
        return not self._files(lambda files: files.listdir(path))

    def remove_directory(self, path: str) -> None:
        self._files(lambda files: files.rmdir(path))

    def exists(self, path: str) -> bool:
        return self._files(lambda files: _stat(files, path)) is not None

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
            kept, transport = self._sftp, self._connection.transport()
            if kept is None or kept.sock.closed or kept.sock.get_transport() is not transport:
                self._sftp = kept = _open_sftp(self._connection)
            try:
                return work(kept)
            except TimeoutError:
                kept.close()  # a late answer would be taken for that to another question
                raise

    def _release(self, pooled: "_PooledConnection") -> None:
        with self._opening:
            pooled.used -= 1

    def _tunnel_to(self, place: tuple[str, int]) -> tuple[str, int]:
        if place not in self._tunnels:
            self._tunnels[place] = forward_port(partial(self._open_tunnel, place))
        return self._tunnels[place]

    def _open_tunnel(self, place: tuple[str, int]) -> Channel:
        transport = self._connection.transport()
        return transport.open_channel("direct-tcpip", place, ("127.0.0.1", 0), timeout=CONNECT_TIMEOUT)

    @contextmanager
    def _session(self) -> Generator[None]:
        with self._sessions:
            try:
                yield
            except (TimeoutError, paramiko.SSHException, EOFError, ConnectionError) as error:
                raise Unreachable(f"{self}: {str(error) or type(error).__name__}") from None

    def __str__(self) -> str:
        return str(self._spec)


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


def _open_sftp(connection: Connection) -> paramiko.SFTPClient:
    channel = connection.session()
    channel.settimeout(TRANSFER_TIMEOUT)
    channel.invoke_subsystem("sftp")
    try:
        return paramiko.SFTPClient(channel)
    except paramiko.SFTPError as error:
        channel.close()
        return _open_sftp_past_words(connection, error)


def _open_sftp_past_words(connection: Connection, error: Exception) -> paramiko.SFTPClient:
    """Start the server of SFTP behind what the login shell says, which would be taken for its answer."""
    channel = connection.session()
    channel.settimeout(TRANSFER_TIMEOUT)
    channel.exec_command(f"sh -c {shlex.quote(SFTP)}")
    said = b""
    while MARK not in said:
        if not (more := channel.recv(1)):
            raise paramiko.SSHException(f"{SAYS_MORE} ({error})") from None
        said += more
    return paramiko.SFTPClient(channel)


def _make_directory(files: paramiko.SFTPClient, path: str, mode: int) -> None:
    try:
        files.mkdir(path)
    except OSError:
        if _stat(files, path) is None:
            raise
        return  # made just now from another host that shares the disk
    # SFTP's own mode is subject to the umask of the host.
    files.chmod(path, mode)


def _stat(files: paramiko.SFTPClient, path: str) -> paramiko.SFTPAttributes | None:
    with suppress(FileNotFoundError):
        return files.stat(path)
    return None
