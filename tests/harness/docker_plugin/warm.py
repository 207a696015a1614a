"""A double: one process that has done the double's imports and forks a plugin for whoever asks, in a moment.

Pulumi starts a plugin for each provider and each phase of a command: ten of them for one `up` of a lab.
"""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from mspass_stack.polling import wait_until

NAME = "MSPASS_WARM_DOUBLE"
"""The environment variable with the path of its socket; without it a plugin does its own imports."""


@contextmanager
def warm() -> Generator[None]:
    """Have one, for the commands that are started meanwhile."""
    root = Path(__file__).parents[3]
    with (
        tempfile.TemporaryDirectory(prefix="mspass-") as directory,
        subprocess.Popen([sys.executable, "-m", __name__, path := f"{directory}/plugins"], cwd=root) as process,
    ):
        try:
            assert wait_until(Path(path).exists, 60), "it does not listen"
            os.environ[NAME] = path
            yield
        finally:
            os.environ.pop(NAME, None)
            process.kill()


def _serve(path: str) -> None:
    # Pulumi has imported much before anybody asks; gRPC starts nothing until a server is made, so a fork is safe.
    from tests.harness.docker_plugin.__main__ import main

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{path}.new")
    listener.listen(64)
    Path(f"{path}.new").rename(path)
    parent = os.pidfd_open(os.getppid())
    while listener in select.select([listener, parent], [], [])[0]:
        client = listener.accept()[0]
        if os.fork() == 0:
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            main(_become(client))
        client.close()


def _become(client: socket.socket) -> list[str]:
    """Take the place of a process: its environment, its standard streams, and its life. Its arguments."""
    output, descriptors, _, _ = socket.recv_fds(client, 1 << 20, 3)
    while not output.endswith(b"\n"):
        if not (more := client.recv(1 << 20)):
            os._exit(0)  # whoever asked has ended
        output += more
    requested = json.loads(output)
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(requested["environment"])
    threading.Thread(target=_end_with, args=(client,), daemon=True).start()
    return requested["arguments"]


def _end_with(client: socket.socket) -> None:
    client.recv(1)
    os._exit(0)


if __name__ == "__main__":
    _serve(sys.argv[1])
