"""A kernel of a Jupyter server, from outside (jupyter.org: "Messaging in Jupyter", "Kernels API")."""

import json
import ssl
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import httpx
import websocket

SECONDS = 60


class Kernel:
    """A running kernel."""

    def __init__(self, session: httpx.Client, id: str, trust: ssl.SSLContext | None) -> None:
        self._session, self._id, self._trust = session, id, trust

    def run(self, code: str) -> str:
        """Run code; what it printed.

        Raises:
            AssertionError: with the traceback of the code.
        """
        address = f"{str(self._session.base_url).rstrip('/')}/api/kernels/{self._id}/channels".replace("http", "ws", 1)
        token = self._session.headers["authorization"]
        channels = websocket.create_connection(
            address, timeout=SECONDS, header={"Authorization": token}, sslopt={"context": self._trust}
        )
        try:
            request = uuid.uuid4().hex
            header = {"msg_id": request, "msg_type": "execute_request", "username": "", "session": request}
            message: dict[str, Any] = {"channel": "shell", "parent_header": {}, "metadata": {}}
            content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
            channels.send(json.dumps(message | {"header": header | {"version": "5.3"}, "content": content}))
            printed = ""
            while True:
                answer: dict[str, Any] = json.loads(channels.recv())
                if answer["parent_header"].get("msg_id") != request:
                    continue
                kind, content = answer["header"]["msg_type"], answer["content"]
                assert kind != "error", "\n".join(content["traceback"])
                if kind == "stream" and content["name"] == "stdout":
                    printed += content["text"]
                if kind == "status" and content["execution_state"] == "idle":
                    return printed
        finally:
            channels.close()


@contextmanager
def kernel(session: httpx.Client, trust: ssl.SSLContext | None = None) -> Generator[Kernel]:
    """Start a kernel, and end it afterwards."""
    started = session.post("/api/kernels", json={"name": "python3"})
    assert started.is_success, started.text
    id = started.json()["id"]
    try:
        yield Kernel(session, id, trust)
    finally:
        session.delete(f"/api/kernels/{id}")
