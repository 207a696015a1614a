"""`mspass-stack connect` in the hands of a user: it runs, prints where its pages are, and is interrupted."""

import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from threading import Thread
from urllib.parse import urlsplit

import psutil

from mspass_stack.polling import wait_until
from tests.harness.project import Stack

LABELS = ("Jupyter", "Dask's pages", "Database", "Scheduler")
"""What it leads to."""


class Connected:
    """A `connect` that runs.

    Attributes:
        output: what it has said so far.
        status: known when it has ended.
    """

    status: int | None = None

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process, self.output = process, ""
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()
        wait_until(lambda: "Ctrl-C" in self.output or process.poll() is not None, 60)
        assert "Ctrl-C" in self.output, f"connect has ended: {self.output}"

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self.output += line

    def url(self, label: str) -> str:
        lines = (line.partition(": ") for line in self.output.splitlines())
        return next(url.strip() for name, _, url in lines if name == label)

    def place(self, label: str) -> str:
        return urlsplit(self.url(label)).netloc.rpartition("@")[2]

    def listens_on(self) -> set[tuple[str, int]]:
        connections = psutil.Process(self._process.pid).net_connections("inet")
        return {(one.laddr.ip, one.laddr.port) for one in connections if one.status == psutil.CONN_LISTEN}

    def interrupt(self) -> None:
        self._process.send_signal(signal.SIGINT)
        self.status = self._process.wait(30)
        self._reader.join(30)


@contextmanager
def connected(stack: Stack, *words: str) -> Generator[Connected]:
    """Run it until the block ends."""
    argv = [sys.executable, "-m", "mspass_stack", "connect", "--stack", stack.name, *words]
    project = stack.project
    with subprocess.Popen(
        argv, cwd=project.path, env=project.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            ways = Connected(process)
            yield ways
            ways.interrupt()
        finally:
            process.kill()
