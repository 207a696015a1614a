"""A way from this machine to a port or an engine of another: a local socket whose connections are carried on."""

import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path

from mspass_stack.machines.base import Channel

CHUNK = 65536

_numbers = count()


def forward_port(open_channel: Callable[[], Channel], port: int = 0) -> tuple[str, int]:
    """Listen on a port of the loopback interface, for as long as this process lives.

    Args:
        port: the one to have; where it is taken, as by default, any that is free.
    """
    try:
        listener = socket.create_server(("127.0.0.1", port), backlog=64)
    except OSError:
        listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    _serve(listener, open_channel)
    return "127.0.0.1", int(listener.getsockname()[1])


def forward_socket(open_channel: Callable[[], Channel]) -> Path:
    """Listen on a Unix socket that only its owner can reach: an engine's clients are as good as root on its host."""
    directory = own_directory()
    for left in directory.glob("*.sock"):  # by a process that was killed
        if not Path("/proc", left.name.split("-", maxsplit=1)[0]).exists():
            left.unlink(missing_ok=True)
    path = directory / f"{os.getpid()}-{next(_numbers)}.sock"
    path.unlink(missing_ok=True)  # of a process that was killed and had our pid
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(64)
    _serve(listener, open_channel)
    return path


def own_directory() -> Path:
    """Return a directory for sockets that nobody else can reach; paths of sockets are short.

    Raises:
        PermissionError: somebody else has made it.
    """
    directory = Path(f"/tmp/mspass-{os.getuid()}")
    directory.mkdir(mode=0o700, exist_ok=True)
    found = directory.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(f"{directory} is not yours alone")
    return directory


def _serve(listener: socket.socket, open_channel: Callable[[], Channel]) -> None:
    def accept() -> None:
        while True:
            near = listener.accept()[0]
            threading.Thread(target=_carry, args=(near, open_channel), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def _carry(near: socket.socket, open_channel: Callable[[], Channel]) -> None:
    """Carry bytes both ways until both sides have ended; what cannot be opened is closed, as a refusal."""
    with near:
        try:
            far = open_channel()
        except Exception:  # whatever keeps the far end shut, the near one sees a closed connection
            return
        back = threading.Thread(target=_pump, args=(far, near), daemon=True)
        back.start()
        _pump(near, far)
        back.join()
        far.close()


def _pump(source: Channel, target: Channel) -> None:
    with suppress(OSError, EOFError):
        while data := source.recv(CHUNK):
            target.sendall(data)
    with suppress(OSError, EOFError):
        target.shutdown(socket.SHUT_WR)
