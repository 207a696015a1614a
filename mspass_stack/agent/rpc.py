"""Ask supervisord over its Unix socket (supervisord.org/api.html), with a limit to every answer."""

from __future__ import annotations

import socket
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from xmlrpc.client import ServerProxy, Transport

ANSWER = 20.0
"""Seconds for an answer that needs no waiting on supervisord's side."""

BAD_NAME, NOT_RUNNING, ALREADY_ADDED, STILL_RUNNING = 10, 70, 90, 91
"""Codes of the faults that we expect: supervisor.xmlrpc.Faults."""


def ask(path: Path, method: str, *arguments: Any) -> Any:
    """Call a method of `supervisor` at a socket.

    Args:
        path: the socket.
        method: its name, as `getState`.
        arguments: of the method.

    Raises:
        TimeoutError: somebody is there and does not answer in time.
        OSError: nobody is there.
        xmlrpc.client.Fault: supervisord says no.
    """
    with ServerProxy("http://localhost/RPC2", transport=_Transport(path, ANSWER)) as server:
        try:
            return getattr(server.supervisor, method)(*arguments)
        # A full queue of connections is a supervisord that takes none off.
        except (socket.timeout, BlockingIOError):  # noqa: UP041  not the same as TimeoutError before Python 3.10
            raise TimeoutError(f"no answer to {method}") from None


class _Connection(HTTPConnection):
    """Connect to a Unix socket."""

    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path, self._seconds = str(path), seconds

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self._seconds)
        self.sock.connect(self._path)


class _Transport(Transport):
    """Send each request over such a connection."""

    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__()
        self._path, self._seconds = path, seconds

    def make_connection(self, host: tuple[str, Any] | str) -> HTTPConnection:
        return _Connection(self._path, self._seconds)
