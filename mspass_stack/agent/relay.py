"""Carry bytes of ports and commands of this machine, call by call: for a client that reaches nothing but its agent."""

from __future__ import annotations

import base64
import itertools
import socket
import subprocess
from collections.abc import Sequence
from threading import Lock
from typing import Any

from .errors import Refused

CONNECT = 3.0
"""Seconds for a port to take a connection."""

PIECE = 1 << 16
"""Bytes of one answer."""

_numbers = itertools.count(1)
_streams: dict[int, socket.socket] = {}
_lock = Lock()


def relay_open(*, address: str, port: int) -> int:
    """Connect to a port; return the number of the stream.

    Raises:
        Refused: nobody takes the connection.
    """
    try:
        stream = socket.create_connection((address, port), CONNECT)
    except OSError as error:
        raise Refused(f"{address}:{port}: {error}") from None
    return _kept(stream)


def relay_start(*, argv: Sequence[str]) -> int:
    """Start a command; return the number of the stream of its standard input and output.

    Raises:
        Refused: there is no such program.
    """
    near, far = socket.socketpair()
    with far:
        try:
            subprocess.Popen(argv, stdin=far.fileno(), stdout=far.fileno(), stderr=subprocess.DEVNULL)
        except OSError as error:
            near.close()
            raise Refused(f"{argv[0]}: {error}") from None
    return _kept(near)


def relay_send(*, stream: int, data: str) -> None:
    """Send bytes, as base64; no bytes are the end of them."""
    found = _streams.get(stream)
    if found is None:
        return
    try:
        if data:
            found.sendall(base64.b64decode(data))
        else:
            found.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # whoever receives learns of it


def relay_receive(*, stream: int, seconds: float) -> dict[str, Any]:
    """Wait for bytes.

    Returns:
        `data` as base64, and `ended`: whether there will be no more.
    """
    found = _streams.get(stream)
    if found is None:
        return {"data": "", "ended": True}
    try:
        found.settimeout(seconds)
        data = found.recv(PIECE)
    except socket.timeout:  # noqa: UP041  not the same as TimeoutError before Python 3.10
        return {"data": "", "ended": False}
    except OSError:
        data = b""
    return {"data": base64.b64encode(data).decode(), "ended": not data}


def relay_close(*, stream: int) -> None:
    """Forget a stream."""
    with _lock:
        found = _streams.pop(stream, None)
    if found is not None:
        found.close()


def _kept(stream: socket.socket) -> int:
    with _lock:
        number = next(_numbers)
        _streams[number] = stream
    return number
