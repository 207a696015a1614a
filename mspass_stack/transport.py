"""Machines behind SSH; the only file that imports fabric.

One connection per host is kept and shared by all that this process does there, so that sshd never sees a burst: its
MaxStartups (10:30:100) counts connections that are being opened, its MaxSessions (10) what runs in one.
"""

import logging
import shlex
import socket
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from io import BytesIO
from pathlib import Path, PurePosixPath
from stat import S_IMODE, S_ISDIR
from typing import Any, TypeVar, cast

import fabric
import paramiko
from paramiko.ssh_exception import NoValidConnectionsError
from tenacity import RetryError, Retrying, retry_if_exception, retry_if_exception_type, stop_after_attempt, wait_random

from mspass_stack.forward import Channel, forward_port, forward_socket
from mspass_stack.machine import Here, Machine, Ran, Unreachable, is_open
from mspass_stack.rendered import Reach

CONNECT = 10
"""Seconds for one try to connect."""

TRIES = 8
"""An sshd that has too many connections half open drops some by chance; they are tried again after 0.2 to 2 seconds."""

SESSIONS = 8
"""Commands and transfers at once in one connection."""

DIRECT = 1.0
"""Seconds until the direct way to a port is taken for closed, and SSH's is used."""

KEEPALIVE = 15
"""Seconds between signs of life; a host that was cut off is noticed by them."""

DIAL = "docker system dial-stdio"
"""The client on the host carries its engine's socket, as Docker's own ssh:// does (docker/cli, connhelper)."""

T = TypeVar("T")

# What it warns of (a port that nobody listens on yet) is told by whoever asked for it.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


class _Unknown(paramiko.MissingHostKeyPolicy):
    """A host key is never taken on trust."""

    def missing_host_key(self, client: Any, hostname: str, key: Any) -> None:
        name, _, port = hostname.strip("[]").partition("]:")
        scan = f"ssh-keyscan {f'-p {port} ' if port else ''}{name} >> ~/.ssh/known_hosts"
        raise paramiko.SSHException(
            f"its host key ({key.get_name()} {key.fingerprint}) is not in known_hosts: "
            f"compare it with the host's own and type: {scan}"
        )


class Ssh:
    """A host behind SSH."""

    remote = True

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._opening = threading.Lock()
        self._sessions = threading.BoundedSemaphore(SESSIONS)
        self._transfers = threading.Lock()
        self._sftp: paramiko.SFTPClient | None = None
        self._ways: dict[tuple[str, int], tuple[str, int]] = {}
        self._socket: Path | None = None
        self._connection: fabric.Connection | None = None

    def run(self, argv: Sequence[str], stdin: str = "") -> Ran:
        with self._session() as transport:
            channel = _open_session(transport)
            channel.exec_command(shlex.join(argv))
            channel.sendall(stdin.encode())
            channel.shutdown_write()
            said: dict[str, bytes] = {}
            errors = threading.Thread(target=lambda: said.update(err=channel.makefile_stderr("rb").read()))
            errors.start()
            said["out"] = channel.makefile("rb").read()
            errors.join()
            status = channel.recv_exit_status()
            channel.close()
        return Ran(status, said["out"].decode(errors="replace"), said["err"].decode(errors="replace"))

    def engine(self, address: str) -> str:
        with self._opening:
            self._socket = self._socket or forward_socket(self._dial)
        return f"unix://{self._socket}"

    def meet(self, address: str, port: int) -> tuple[str, int]:
        here = address.startswith("127.") or address == "localhost"
        if (way := self._ways.get((address, port))) is None:
            direct = not here and is_open(address, port, DIRECT)
            way = (address, port) if direct else forward_port(partial(self._tunnel, address, port))
            self._ways[address, port] = way
        return way

    def make_folder(self, path: str, mode: int) -> None:
        def make(files: paramiko.SFTPClient) -> None:
            for folder in [*reversed(PurePosixPath(path).parents), PurePosixPath(path)]:
                if _stat(files, str(folder)) is None:
                    files.mkdir(str(folder))
                    # SFTP's own mode is subject to the umask of the host.
                    files.chmod(str(folder), mode)

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
        with self._transfers, self._session() as transport:
            if (
                self._sftp is None
                or self._sftp.get_channel() is None
                or self._sftp.sock.get_transport() is not transport
            ):
                self._sftp = paramiko.SFTPClient.from_transport(transport)
            if self._sftp is None:
                raise Unreachable(f"{self}: its sshd offers no sftp")
            return work(self._sftp)

    def _dial(self) -> Channel:
        channel = _open_session(self._transport())
        channel.exec_command(DIAL)
        return channel

    def _tunnel(self, address: str, port: int) -> Channel:
        return self._transport().open_channel("direct-tcpip", (address, port), ("127.0.0.1", 0), timeout=CONNECT)

    @contextmanager
    def _session(self) -> Generator[paramiko.Transport]:
        with self._sessions:
            transport = self._transport()
            try:
                yield transport
            except (TimeoutError, paramiko.SSHException, EOFError, ConnectionError) as error:
                raise Unreachable(f"{self}: {str(error) or type(error).__name__}") from None

    def _transport(self) -> paramiko.Transport:
        with self._opening:
            kept = self._connection
            if kept is None or kept.transport is None or not kept.transport.is_active():
                self._connection = kept = self._connect()
            assert kept.transport is not None
            return kept.transport

    def _connect(self) -> fabric.Connection:
        retrying = Retrying(
            retry=retry_if_exception(_is_dropped),
            stop=stop_after_attempt(TRIES),
            wait=wait_random(0.2, 2),
            reraise=True,
        )
        try:
            return retrying(self._open)
        except (paramiko.SSHException, OSError, EOFError, RetryError) as error:
            raise Unreachable(f"{self} cannot be reached by ssh: {_why(error)}") from None

    def _open(self) -> fabric.Connection:
        reach = self._reach
        options: dict[str, Any] = {"banner_timeout": 3 * CONNECT, "auth_timeout": 3 * CONNECT}
        if reach.key:
            options["key_filename"] = reach.key
        gateway = _gateway(reach.jump, options) if reach.jump else None
        connection = fabric.Connection(
            reach.address,
            user=reach.user or None,
            port=reach.port or None,
            gateway=gateway,
            connect_timeout=CONNECT,
            connect_kwargs=options,
        )
        hops: list[Any] = [connection]
        while isinstance(hops[-1], fabric.Connection):
            _check_keys(hops[-1], reach.known_hosts)
            hops.append(hops[-1].gateway)
        connection.open()
        assert connection.transport is not None
        connection.transport.set_keepalive(KEEPALIVE)
        return connection

    def __str__(self) -> str:
        return f"host '{self._reach.host}' ({self._reach.address})"


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


def _open_session(transport: paramiko.Transport) -> paramiko.Channel:
    """Open a session; sshd refuses one while it is still closing others that ended."""
    retrying = Retrying(
        retry=retry_if_exception_type(paramiko.ChannelException),
        stop=stop_after_attempt(TRIES),
        wait=wait_random(0.05, 0.5),
        reraise=True,
    )
    return retrying(transport.open_session, timeout=CONNECT)


def _gateway(jump: str, options: dict[str, Any]) -> fabric.Connection:
    return fabric.Connection(jump, connect_timeout=CONNECT, connect_kwargs=dict(options))


def _check_keys(connection: fabric.Connection, known_hosts: str) -> None:
    """Known hosts from SSH's usual files, those that ~/.ssh/config names for the host, and the stack's own."""
    client: Any = connection.client
    config: Any = connection.ssh_config
    client.set_missing_host_key_policy(_Unknown())
    named = str(config.get("userknownhostsfile", "")).split()
    for file in ("/etc/ssh/ssh_known_hosts", "~/.ssh/known_hosts", *named, known_hosts):
        path = Path(file).expanduser()
        if file and path.is_file():
            client.load_system_host_keys(str(path))


def _is_dropped(error: BaseException) -> bool:
    """Whether sshd closed the connection before it said a word, which is what a full MaxStartups looks like."""
    return isinstance(error, EOFError | ConnectionResetError) or "banner" in str(error)


def _stat(files: paramiko.SFTPClient, path: str) -> paramiko.SFTPAttributes | None:
    with suppress(FileNotFoundError):
        return files.stat(path)
    return None


def _why(error: BaseException) -> str:
    if isinstance(error, paramiko.BadHostKeyException):
        return (
            f"its host key ({error.key.get_name()}) is not the one in known_hosts: if the host was set up anew, "
            f"type: ssh-keygen -R {error.hostname}"
        )
    if isinstance(error, NoValidConnectionsError):
        said = [str(one.strerror or one) for one in cast("dict[Any, OSError]", error.errors).values()]
        return said[0]
    if isinstance(error, TimeoutError | socket.timeout):
        return f"no answer within {CONNECT} s"
    return str(error) or type(error).__name__
