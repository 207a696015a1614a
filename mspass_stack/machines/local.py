"""This machine."""

import os
import socket
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

from mspass_stack.agent import slurm
from mspass_stack.machines.agent import LocalAgent
from mspass_stack.machines.base import Agent, Channel, CompletedCommand

CONNECT_TIMEOUT = 3.0
"""Seconds for a port to take a connection."""


class LocalMachine:
    """This machine."""

    remote = False
    agent: Agent = LocalAgent()

    def run(self, argv: Sequence[str], stdin: str = "") -> CompletedCommand:
        ran = subprocess.run(argv, input=stdin, capture_output=True, text=True)
        return CompletedCommand(ran.returncode, ran.stdout, ran.stderr)

    def dial(self, argv: Sequence[str]) -> Channel:
        near, far = socket.socketpair()
        # Inside of an allocation srun would take options from it.
        environment = slurm.clean(os.environ)
        with far:
            subprocess.Popen(argv, stdin=far.fileno(), stdout=far.fileno(), stderr=subprocess.DEVNULL, env=environment)
        return near

    def connect(self, address: str, port: int) -> Channel:
        return socket.create_connection((address, port), CONNECT_TIMEOUT)

    def endpoint(self, address: str, port: int) -> tuple[str, int]:
        return address, port

    def forward(self, address: str, port: int) -> tuple[str, int]:
        return address, port

    def look(self) -> None:
        pass

    def make_directory(self, path: str, mode: int) -> None:
        Path(path).mkdir(mode=mode, parents=True, exist_ok=True)

    def is_directory(self, path: str) -> bool:
        return Path(path).is_dir()

    def is_empty(self, path: str) -> bool:
        return not any(Path(path).iterdir())

    def remove_directory(self, path: str) -> None:
        Path(path).rmdir()

    def exists(self, path: str) -> bool:
        return Path(path).exists()

    def mode(self, path: str) -> int:
        return Path(path).stat().st_mode & 0o7777

    def owner(self, path: str) -> tuple[int, int]:
        found = Path(path).stat()
        return found.st_uid, found.st_gid

    def read(self, path: str) -> str:
        return Path(path).read_text()

    def write(self, path: str, content: str | bytes) -> None:
        # A name of its own: two threads may write the same file, and the last one wins.
        partial = Path(f"{path}.{threading.get_ident()}.partial")
        partial.unlink(missing_ok=True)
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        partial.replace(path)

    def remove(self, path: str) -> None:
        Path(path).unlink(missing_ok=True)
