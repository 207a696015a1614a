"""supervisord's XML-RPC interface over its Unix socket (supervisord.org/api.html), with a limit to every answer."""

import socket
from pathlib import Path
from typing import Any
from xmlrpc.client import ServerProxy

from supervisor.xmlrpc import SupervisorTransport, UnixStreamHTTPConnection

ANSWER = 20.0
"""Seconds for an answer that needs no waiting on supervisord's side."""


class _Connection(UnixStreamHTTPConnection):
    """A connection that does not wait for ever for a supervisord that hangs."""

    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__("localhost")
        self.socketfile, self._seconds = str(path), seconds

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self._seconds)
        self.sock.connect(self.socketfile)


def connect(path: Path, seconds: float) -> Any:
    """The methods of `supervisor` at a socket; each raises TimeoutError when there is no answer within `seconds`."""
    transport = SupervisorTransport(None, None, serverurl=f"unix://{path}")
    transport.connection = _Connection(path, seconds)
    transport.headers = {"User-Agent": transport.user_agent, "Content-Type": "text/xml", "Accept": "text/xml"}
    return ServerProxy("http://127.0.0.1", transport=transport).supervisor
