"""What runs in the connection of an OpenSSH that is a master (its PROTOCOL.mux): sessions and ways to ports.

`ssh -S` speaks the same words; it does not say when a port has been opened, and where the master refuses it makes a
connection of its own.
"""

import itertools
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

VERSION = 4

HELLO = 0x00000001
NEW_SESSION, ALIVE_CHECK, TERMINATE, NEW_STDIO_FORWARD = 0x10000002, 0x10000004, 0x10000005, 0x10000008
OK, DENIED, FAILURE, EXIT_MESSAGE, ALIVE, OPENED = 0x80000001, *range(0x80000002, 0x80000007)

NO_ESCAPE = 0xFFFFFFFF
ANSWER = 30.0
"""Seconds for an answer of the master, which may have to ask its server."""

PIECE = 1 << 16
"""Bytes that are read at once."""

_numbers = itertools.count(1)


class MasterGone(ConnectionError):
    """Nobody listens at the socket of a master, or it does not answer."""


class RefusedByServer(ConnectionRefusedError):
    """The server opens no more sessions in this connection, or leads to no such port; the text says why."""


class MuxStream:
    """The byte stream of a command, a subsystem or a port; has what paramiko's SFTP asks of a channel."""

    def __init__(self, control: "_Control", near: socket.socket, back: socket.socket) -> None:
        self._control, self._near, self._back = control, near, back
        self.closed = False

    def recv(self, nbytes: int, /) -> bytes:
        return self._back.recv(nbytes)

    def send(self, data: bytes, /) -> int:
        return self._near.send(data)

    def sendall(self, data: bytes, /) -> None:
        self._near.sendall(data)

    def settimeout(self, seconds: float | None) -> None:
        """Limit the wait for bytes; raises TimeoutError where it is over."""
        self._near.settimeout(seconds)
        self._back.settimeout(seconds)

    def shutdown(self, how: int, /) -> None:
        with suppress(OSError):  # it has ended already
            self._near.shutdown(how)

    def shutdown_write(self) -> None:
        self.shutdown(socket.SHUT_WR)

    def exit_status(self) -> int:
        """Return that of a command whose output has ended; -1 where the connection broke before."""
        with suppress(OSError, EOFError):
            while True:
                kind, content = self._control.receive()
                if kind == EXIT_MESSAGE:
                    return int(struct.unpack(">II", content)[1])
        return -1

    def get_name(self) -> str:
        """Return a name for paramiko's log."""
        return ""

    def close(self) -> None:
        self.closed = True
        for one in (self._near, self._back):
            one.close()
        self._control.close()


def command(path: Path, line: str, errors: int | None = None) -> MuxStream:
    """Start a command line.

    Args:
        errors: the descriptor that gets its standard error; by default nobody does.
    """
    return _session(path, line, False, errors)


def subsystem(path: Path, name: str) -> MuxStream:
    """Start a subsystem of the server."""
    return _session(path, name, True, None)


def port(path: Path, address: str, number: int) -> MuxStream:
    """Open a way to a port that the server sees."""
    request = struct.pack(">I", 0) + _text(address) + struct.pack(">I", number)
    return _open(path, NEW_STDIO_FORWARD, request, lambda far, forth: [far, forth])


def alive(path: Path) -> bool:
    """Return whether a master answers at a socket."""
    try:
        with _Control(path) as control:
            return control.ask(ALIVE_CHECK, b"")[0] == ALIVE
    except OSError:
        return False


def terminate(path: Path) -> None:
    """End a master, and with it all that goes through it."""
    with suppress(MasterGone), _Control(path) as control:  # it may be gone before its answer is
        control.ask(TERMINATE, b"")


def _session(path: Path, words: str, is_subsystem: bool, errors: int | None) -> MuxStream:
    terminal, x11, agent = 0, 0, 0
    flags = struct.pack(">IIIIII", 0, terminal, x11, agent, is_subsystem, NO_ESCAPE)
    request = flags + _text("") + _text(words)
    if errors is not None:
        return _open(path, NEW_SESSION, request, lambda far, forth: [far, forth, errors])
    with Path("/dev/null").open("wb") as nobody:
        return _open(path, NEW_SESSION, request, lambda far, forth: [far, forth, nobody.fileno()])


def _open(path: Path, kind: int, request: bytes, descriptors: Callable[[int, int], list[int]]) -> MuxStream:
    control = _Control(path)
    # One pair for each way: the master shuts one by closing its own descriptor of it.
    (near, far), (back, forth) = socket.socketpair(), socket.socketpair()
    stream = MuxStream(control, near, back)
    try:
        with far, forth:
            answer, content = control.ask(kind, request, descriptors(far.fileno(), forth.fileno()))
        if answer != OPENED:
            length = struct.unpack(">I", content[4:8])[0] if len(content) >= 8 else 0
            raise RefusedByServer(content[8 : 8 + length].decode(errors="replace") or "refused")
    except BaseException:
        stream.close()
        raise
    return stream


class _Control:
    """A client's own connection to a master, which lives as long as what it has opened."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(ANSWER)
        try:
            self._socket.connect(str(path))
            self._send(struct.pack(">II", HELLO, VERSION))
            kind, content = self.receive()
        except (OSError, EOFError) as error:
            self._socket.close()
            raise MasterGone(str(error) or "it has ended") from None
        if kind != HELLO or struct.unpack(">I", content[:4])[0] != VERSION:
            self._socket.close()
            raise MasterGone("it is no master of this OpenSSH")

    def ask(self, kind: int, request: bytes, descriptors: list[int] | None = None) -> tuple[int, bytes]:
        """Ask for something, hand over descriptors, and return the answer: its kind and content."""
        try:
            self._send(struct.pack(">II", kind, next(_numbers)) + request)
            for one in descriptors or ():
                socket.send_fds(self._socket, [b"\0"], [one])
            return self.receive()
        except TimeoutError:
            raise TimeoutError(f"no answer within {ANSWER:.0f} s") from None
        except (OSError, EOFError) as error:
            raise MasterGone(str(error) or "it has ended") from None

    def receive(self) -> tuple[int, bytes]:
        (length,) = struct.unpack(">I", self._exactly(4))
        packet = self._exactly(length)
        return struct.unpack(">I", packet[:4])[0], packet[4:]

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> "_Control":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send(self, packet: bytes) -> None:
        self._socket.sendall(struct.pack(">I", len(packet)) + packet)

    def _exactly(self, length: int) -> bytes:
        found = b""
        while len(found) < length:
            if not (more := self._socket.recv(length - len(found))):
                raise EOFError
            found += more
        return found


def _text(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack(">I", len(encoded)) + encoded
