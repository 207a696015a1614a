"""The connection to a host that its user has opened, where each one asks for a password or a token.

It is OpenSSH's own, in the background and with a socket (`mspass-stack login`): this process opens none beside it.
"""

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import cast

import paramiko
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random

from mspass_stack.errors import Unreachable
from mspass_stack.machines import mux, sftp
from mspass_stack.machines.base import TRANSFER_TIMEOUT, Channel, CompletedCommand, completed
from mspass_stack.machines.forward import own_directory
from mspass_stack.machines.mux import MasterGone, MuxStream, RefusedByServer
from mspass_stack.polling import wait_until
from mspass_stack.spec.connection import ConnectionSpec

LOOK_TIMEOUT = 30
"""Seconds for a host to answer at all."""

REFUSALS = 60
"""Seconds for which a session is asked for again: others may hold all that there are, or be about to close theirs."""

SESSIONS = 3
"""Sessions at once that are needed: one for files, one for the agent, one for a command."""

ON_THE_LOGIN_HOST = (
    "its sshd opens too few sessions in one connection (MaxSessions) for this machine to work through it: run Pulumi "
    "on the login host itself, without mspass:cluster.slurm.login"
)


class Master:
    """The connection of a user to a host, as far as it stands. What it does is in `sessions.Sessions`.

    Attributes:
        path: its socket, by whom it leads to.
        was_used: it has stood here before.
    """

    are_few = True
    # What a laptop reaches by name may be another machine there.
    is_behind = True

    def __init__(self, connection: ConnectionSpec) -> None:
        self._spec = connection
        destination = f"{connection.user}@{connection.address}:{connection.port} {connection.jump}"
        name = f"login-{hashlib.sha256(destination.encode()).hexdigest()[:16]}"
        self.path = Path(f"/tmp/mspass-{os.getuid()}") / name
        self.was_used = False
        self._seen = 0

    @property
    def gone(self) -> str:
        """What is to be said and typed when it stands no more."""
        return f"{self._spec}: the login has ended: type: {self._spec.enter}"

    def stands(self) -> bool:
        """Return whether it does; in a directory that somebody else has made, none does."""
        try:
            found = self.path.lstat().st_ino
            if found != self._seen:
                own_directory()
                if not mux.alive(self.path):
                    return False
                self._seen, self.was_used = found, True
        except (FileNotFoundError, PermissionError):
            return False
        return True

    @property
    def has_ended(self) -> bool:
        """Whether it was used, and is no more."""
        return self.was_used and not mux.alive(self.path)

    def close(self) -> None:
        """End it, and all that goes through it."""
        mux.terminate(self.path)
        wait_until(lambda: not mux.alive(self.path), LOOK_TIMEOUT)

    def room(self) -> int:
        """Return how many sessions it opens at once, up to what is needed."""
        held: list[MuxStream] = []
        try:
            while len(held) < SESSIONS:
                held.append(mux.command(self.path, "cat"))
        except RefusedByServer:
            pass
        finally:
            for one in held:
                one.close()
        return len(held)

    def run(self, line: str, stdin: bytes) -> CompletedCommand:
        with TemporaryFile() as errors:
            stream = self._patiently(lambda: mux.command(self.path, line, errors.fileno()))
            stream.settimeout(TRANSFER_TIMEOUT)
            try:
                with suppress(BrokenPipeError, ConnectionResetError):  # it has ended without reading
                    stream.sendall(stdin)
                stream.shutdown_write()
                output = b"".join(iter(lambda: stream.recv(mux.PIECE), b""))
                status = stream.exit_status()
            except TimeoutError:
                raise TimeoutError(f"has said nothing for {TRANSFER_TIMEOUT} s") from None
            finally:
                stream.close()
            errors.seek(0)
            return completed(status, output, errors.read())

    def dial(self, line: str) -> Channel:
        return self._patiently(lambda: mux.command(self.path, line))

    def files(self) -> paramiko.SFTPClient:
        return sftp.open_files(
            lambda: self._for_files(lambda: mux.subsystem(self.path, "sftp")),
            lambda line: self._for_files(lambda: mux.command(self.path, line)),
        )

    def carry(self, files: paramiko.SFTPClient) -> bool:
        stream = cast("object", files.get_channel())
        return isinstance(stream, MuxStream) and not stream.closed

    def port(self, address: str, port: int, /) -> Channel:
        try:
            return mux.port(self.path, address, port)
        except MasterGone:
            raise Unreachable(self.gone) from None

    def look(self) -> None:
        try:
            stream = self._patiently(lambda: mux.command(self.path, "true"))
            try:
                stream.settimeout(LOOK_TIMEOUT)
                stream.recv(1)
            finally:
                stream.close()
        except (TimeoutError, ConnectionError) as error:
            why = f"{self._spec}: the connection broke: {error}"
            raise Unreachable(self.gone if self.has_ended else why) from None

    def _for_files(self, open_stream: Callable[[], MuxStream]) -> MuxStream:
        stream = self._patiently(open_stream)
        stream.settimeout(TRANSFER_TIMEOUT)
        return stream

    def _patiently(self, open_stream: Callable[[], MuxStream]) -> MuxStream:
        """Open a stream as soon as there is room for one."""
        retrying = Retrying(
            retry=retry_if_exception_type(RefusedByServer),
            stop=stop_after_delay(REFUSALS),
            wait=wait_random(0.05, 0.5),
            reraise=True,
        )
        try:
            return retrying(open_stream)
        except MasterGone:
            raise Unreachable(self.gone) from None
        except RefusedByServer as error:
            raise Unreachable(f"{self._spec}: {ON_THE_LOGIN_HOST} ({error})") from None
