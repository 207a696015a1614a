"""Hosts that will not come back: what the state has of them is forgotten without asking them.

Pulumi's Docker plugin deletes a container by asking its engine. For a host of `mspass:abandon` that is this one, which
lives as long as the plugin: it knows no container, which the Docker plugin takes for done.
"""

import hashlib
import json
import socketserver
import threading
from http.server import BaseHTTPRequestHandler

from mspass_stack.machines.forward import own_directory

abandoned: set[str] = set()
"""The hosts that the program of this very update gives up."""


class _Nothing(BaseHTTPRequestHandler):
    """Docker's API of an engine that has nothing (docs.docker.com/reference/api/engine)."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path.endswith("/_ping"):
            self._answer(200, "OK")
        elif path.endswith("/version"):
            self._answer(200, {"Version": "20.10.0", "ApiVersion": "1.41", "MinAPIVersion": "1.12", "Os": "linux"})
        elif path.endswith("/json") and path.count("/") <= 3:
            self._answer(200, [])
        else:
            self._answer(404, {"message": "No such container: its host is forgotten"})

    do_HEAD = do_POST = do_DELETE = do_GET  # noqa: N815  http.server finds them by these names

    def _answer(self, status: int, output: object) -> None:
        text = (output if isinstance(output, str) else json.dumps(output)).encode()
        self.send_response(status)
        for name, value in {
            "Api-Version": "1.41",
            "Content-Type": "application/json",
            "Content-Length": len(text),
        }.items():
            self.send_header(name, str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    def address_string(self) -> str:
        return "engine"

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the plugin's own output is for the engine."""


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def start(stack: str, hosts: list[str]) -> str:
    """Give hosts up; the address of the engine that has nothing of them, the same in every run of a stack."""
    abandoned.update(hosts)
    # A socket's path is short, a stack's name need not be.
    path = own_directory() / f"abandoned-{hashlib.sha256(stack.encode()).hexdigest()[:12]}.socket"
    path.unlink(missing_ok=True)
    server = _Server(str(path), _Nothing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"unix://{path}"
