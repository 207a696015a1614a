"""Files of a host by SFTP, also behind a login shell that talks."""

import shlex
from collections.abc import Callable
from contextlib import suppress
from pathlib import PurePosixPath
from typing import Any, Protocol

import paramiko

MARK = b"mspass-stack-files\n"

SERVER = (
    f"echo {MARK.decode().strip()}; for server in /usr/lib/openssh /usr/libexec/openssh /usr/lib/ssh /usr/libexec; do "
    '[ ! -x "$server/sftp-server" ] || exec "$server/sftp-server"; done'
)
"""Says that nothing but the server of SFTP follows, and becomes that."""

SAYS_MORE = (
    "its files cannot be reached by SFTP: does the login shell print something of its own (an echo in .bashrc)? It may "
    "only where it is asked from a terminal: [ -t 1 ] && echo ..."
)


class Stream(Protocol):
    """What SFTP is spoken through: a channel of paramiko's, or what has as much of one."""

    def recv(self, nbytes: int, /) -> bytes: ...
    def close(self) -> object: ...


def open_files(subsystem: Callable[[], Stream], command: Callable[[str], Stream]) -> paramiko.SFTPClient:
    """Return a client of the server of SFTP.

    Args:
        subsystem: opens it as sshd starts it.
        command: starts a command line, behind what the login shell says.

    Raises:
        paramiko.SSHException: neither leads to it.
    """
    stream: Any = subsystem()
    try:
        return paramiko.SFTPClient(stream)
    except paramiko.SFTPError as error:
        stream.close()
        stream = command(f"sh -c {shlex.quote(SERVER)}")
        said = b""
        while MARK not in said:
            if not (more := stream.recv(1)):
                raise paramiko.SSHException(f"{SAYS_MORE} ({error})") from None
            said += more
        return paramiko.SFTPClient(stream)


def make_directory(files: paramiko.SFTPClient, path: str, mode: int) -> None:
    """Make a directory and those that it is in, each of this mode; what is there stays as it is."""
    for directory in [*reversed(PurePosixPath(path).parents), PurePosixPath(path)]:
        if stat(files, str(directory)) is None:
            _make(files, str(directory), mode)


def stat(files: paramiko.SFTPClient, path: str) -> paramiko.SFTPAttributes | None:
    """Return what is known of a path; None where nothing is there."""
    with suppress(FileNotFoundError):
        return files.stat(path)
    return None


def _make(files: paramiko.SFTPClient, path: str, mode: int) -> None:
    try:
        files.mkdir(path)
    except OSError:
        if stat(files, path) is None:
            raise
        return  # made just now from another host that shares the disk
    # SFTP's own mode is subject to the umask of the host.
    files.chmod(path, mode)
