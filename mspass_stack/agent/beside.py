"""Run commands in the container of a process, for whoever asks at a socket that only its user can reach.

A command that goes into the background there lives as long as the process: their step is the same.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Sequence
from pathlib import Path
from threading import Thread
from typing import Any

from . import commands


def serve(path: Path, wrapper: Sequence[str]) -> None:
    """Answer requests, one a connection, until the process of this step ends.

    Args:
        path: of the socket.
        wrapper: the words before a command that run it in the container.
    """
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(16)
        while True:
            near = listener.accept()[0]
            Thread(target=_respond, args=(near, wrapper), daemon=True).start()


def ask(path: Path, argv: Sequence[str], seconds: float) -> dict[str, Any]:
    """Run a command beside a process; `status` and `output`.

    Raises:
        OSError: the process is not up on this node.
    """
    with socket.socket(socket.AF_UNIX) as far:
        far.settimeout(seconds + 30)
        far.connect(str(path))
        far.sendall(json.dumps({"argv": list(argv), "seconds": seconds}).encode() + b"\n")
        with far.makefile("rb") as answer:
            return dict(json.loads(answer.readline()))


def _respond(near: socket.socket, wrapper: Sequence[str]) -> None:
    with near, near.makefile("rb") as request:
        asked = json.loads(request.readline())
        ran = commands.run([*wrapper, *asked["argv"]], asked["seconds"], os.environ)
        near.sendall(json.dumps(ran).encode() + b"\n")
