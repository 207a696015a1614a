"""Machines behind SSH (`connection.py`), as the plugin works on them."""

import shlex
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path, PurePosixPath
from stat import S_IMODE, S_ISDIR
from typing import TypeVar

import paramiko

from mspass_stack.connection import CONNECT, Connection
from mspass_stack.forward import Channel, forward_port, forward_socket
from mspass_stack.machine import Here, Machine, Ran, Unreachable, is_open
from mspass_stack.rendered import Reach

TRANSFER = 60
"""Seconds for one answer of a command, or about files."""

SESSIONS = 8
"""Commands at once in one connection, of the ten that sshd takes; what is kept open for files is another one."""

DIRECT = 1.0
"""Seconds until the direct way to a port is taken for closed, and SSH's is used."""

DIAL = "docker system dial-stdio"
"""The client on the host carries its engine's socket, as Docker's own ssh:// does (docker/cli, connhelper)."""

T = TypeVar("T")


class Ssh:
    """A host behind SSH."""

    remote = True

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._connection = Connection(reach)
        self._sessions = threading.BoundedSemaphore(SESSIONS)
        self._trunks: list[_Trunk] = []
        self._transfers = threading.Lock()
        self._sftp: paramiko.SFTPClient | None = None
        self._ways: dict[tuple[str, int], tuple[str, int]] = {}
        self._tunnels: dict[tuple[str, int], tuple[str, int]] = {}
        self._socket: Path | None = None
        self._carrying = threading.Lock()

    def run(self, argv: Sequence[str], stdin: str = "") -> Ran:
        with self._session():
            channel = self._connection.session()
            channel.settimeout(TRANSFER)
            channel.exec_command(shlex.join(argv))
            try:
                channel.sendall(stdin.encode())
                channel.shutdown_write()
                said: dict[str, bytes] = {}
                errors = threading.Thread(target=lambda: said.update(err=_complaint(channel)))
                errors.start()
                said["out"] = channel.makefile("rb").read()
                errors.join()
                status = channel.recv_exit_status()
            except TimeoutError:
                raise TimeoutError(f"'{argv[0]}' there has said nothing for {TRANSFER} s") from None
            finally:
                channel.close()
            if status < 0:
                raise EOFError("the connection broke while a command ran")
        return Ran(status, said["out"].decode(errors="replace"), said["err"].decode(errors="replace"))

    def engine(self, address: str) -> str:
        with self._carrying:
            self._socket = self._socket or forward_socket(self._dial)
        return f"unix://{self._socket}"

    def meet(self, address: str, port: int) -> tuple[str, int]:
        """The direct way where somebody answers it; behind a jump host the same address may be another machine's."""
        place = address, port
        if place not in self._ways:
            here = address.startswith("127.") or address == "localhost"
            try:
                direct = not (here or self._connection.is_behind) and is_open(address, port, DIRECT)
            except ConnectionRefusedError:
                return self._tunnel_to(place)  # by a firewall, or since nobody listens yet: it is tried again
            self._ways[place] = place if direct else self._tunnel_to(place)
        return self._ways[place]

    def make_folder(self, path: str, mode: int) -> None:
        def make(files: paramiko.SFTPClient) -> None:
            for folder in [*reversed(PurePosixPath(path).parents), PurePosixPath(path)]:
                if _stat(files, str(folder)) is None:
                    _make_folder(files, str(folder), mode)

        self._files(make)

    def is_folder(self, path: str) -> bool:
        found = self._files(lambda files: _stat(files, path))
        return found is not None and S_ISDIR(found.st_mode or 0)

    def is_empty(self, path: str) -> bool:
        return not self._files(lambda files: files.listdir(path))

    def remove_folder(self, path: str) -> None:
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

    def write(self, path: str, text: str) -> None:
        def write(files: paramiko.SFTPClient) -> None:
            partial = f"{path}.partial"
            with suppress(FileNotFoundError):
                files.remove(partial)
            with files.open(partial, "wx") as file:
                file.chmod(0o600)
                file.write(text.encode())
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

    def _dial(self) -> Channel:
        """A way to the engine. They may be many and long, and whoever has one may wait for another: none may wait."""
        with self._carrying:
            trunk = next((trunk for trunk in self._trunks if trunk.used < SESSIONS), None)
            if trunk is None:
                self._trunks.append(trunk := _Trunk(Connection(self._reach)))
            trunk.used += 1
        try:
            channel = trunk.connection.session()
            channel.exec_command(DIAL)
        except BaseException:
            self._hang_up(trunk)
            raise
        return _Dialled(channel, partial(self._hang_up, trunk))

    def _hang_up(self, trunk: "_Trunk") -> None:
        with self._carrying:
            trunk.used -= 1

    def _tunnel_to(self, place: tuple[str, int]) -> tuple[str, int]:
        if place not in self._tunnels:
            self._tunnels[place] = forward_port(partial(self._open_tunnel, place))
        return self._tunnels[place]

    def _open_tunnel(self, place: tuple[str, int]) -> Channel:
        transport = self._connection.transport()
        return transport.open_channel("direct-tcpip", place, ("127.0.0.1", 0), timeout=CONNECT)

    @contextmanager
    def _session(self) -> Generator[None]:
        with self._sessions:
            try:
                yield
            except (TimeoutError, paramiko.SSHException, EOFError, ConnectionError) as error:
                raise Unreachable(f"{self}: {str(error) or type(error).__name__}") from None

    def __str__(self) -> str:
        return str(self._reach)


@dataclass
class _Trunk:
    """A connection for ways to the engine, and how many of its sessions are in use."""

    connection: Connection
    used: int = 0


@dataclass(frozen=True)
class _Dialled:
    """A way to the engine that makes room for the next when it is closed."""

    channel: paramiko.Channel
    leave: Callable[[], None]

    def recv(self, nbytes: int, /) -> bytes:
        return self.channel.recv(nbytes)

    def sendall(self, data: bytes, /) -> object:
        return self.channel.sendall(data)

    def shutdown(self, how: int, /) -> object:
        return self.channel.shutdown(how)

    def close(self) -> None:
        self.channel.close()
        self.leave()


_kept: dict[Reach, Ssh] = {}
_lock = threading.Lock()


def machine(reach: Reach) -> Machine:
    """The machine at the end of a way; connections are opened when they are needed, and kept."""
    if not reach.remote:
        return Here()
    with _lock:
        if reach not in _kept:
            _kept[reach] = Ssh(reach)
        return _kept[reach]


def _complaint(channel: paramiko.Channel) -> bytes:
    """What a command says on its standard error; the deadline is its output's business."""
    with suppress(TimeoutError):
        return channel.makefile_stderr("rb").read()
    return b""


def _open_sftp(connection: Connection) -> paramiko.SFTPClient:
    channel = connection.session()
    channel.settimeout(TRANSFER)
    channel.invoke_subsystem("sftp")
    return paramiko.SFTPClient(channel)


def _make_folder(files: paramiko.SFTPClient, path: str, mode: int) -> None:
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
