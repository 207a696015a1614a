"""Run commands in the container of a process, for whoever asks at a socket that only its user can reach.

A command that leaves something in the background keeps its container: with it would go the image that it reads. All of
it ends with the process, whose step is the same.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

from .commands import ENDED, PAUSE
from .waiting import wait_until

HOLD = """
import ctypes, os, subprocess, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
status = subprocess.call(sys.argv[2:])
with open(sys.argv[1] + ".partial", "w") as file:
    file.write(str(status))
os.rename(sys.argv[1] + ".partial", sys.argv[1])
try:
    while True:
        os.wait()
except ChildProcessError:
    sys.exit(status if status >= 0 else 128 - status)
"""
"""A program that runs a command, writes down its exit status, and stays for what that has left behind: it is the parent
of orphans (prctl(2), PR_SET_CHILD_SUBREAPER)."""

_numbers = itertools.count(1)


def serve(own: Path, wrapper: Sequence[str]) -> None:
    """Answer requests, one a connection, until the process of this step ends.

    Args:
        own: the directory of the process on this node; its `tmp` is /tmp in the container.
        wrapper: the words before a command that run it in the container.
    """
    with socket.socket(socket.AF_UNIX) as listener:
        socket_of(own).unlink(missing_ok=True)  # of a step that was killed
        listener.bind(str(socket_of(own)))
        listener.listen(16)
        while True:
            near = listener.accept()[0]
            Thread(target=_respond, args=(near, own, wrapper), daemon=True).start()


def ask(own: Path, argv: Sequence[str], seconds: float) -> dict[str, Any]:
    """Run a command beside a process; `status` and `output`.

    Raises:
        OSError: the process is not up on this node, or has ended meanwhile.
    """
    with socket.socket(socket.AF_UNIX) as far:
        far.settimeout(seconds + 30)
        far.connect(str(socket_of(own)))
        far.sendall(json.dumps({"argv": list(argv), "seconds": seconds}).encode() + b"\n")
        with far.makefile("rb") as answer:
            line = answer.readline()
    if not line:
        raise ConnectionResetError("it has ended before the command did")
    return dict(json.loads(line))


def socket_of(own: Path) -> Path:
    """Return the socket beside a process."""
    return own / "beside"


def run(own: Path, wrapper: Sequence[str], argv: Sequence[str], seconds: float) -> dict[str, Any]:
    """Run a command in a container like that of a process; `status` and `output`."""
    name = f"beside-{os.getpid()}-{next(_numbers)}"
    words = [*wrapper, "python3", "-I", "-c", HOLD, f"/tmp/{name}", *argv]
    noted = own / "tmp" / name
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd="/", start_new_session=True
        )
        in_time = wait_until(lambda: noted.exists() or process.poll() is not None, seconds, PAUSE)
        if not in_time:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        status = int(noted.read_text()) if noted.exists() else process.wait()
        with suppress(FileNotFoundError):
            noted.unlink()
        Thread(target=process.wait, daemon=True).start()
        output.seek(0)
        said = output.read().decode(errors="replace")
    if not in_time:
        return {"status": ENDED, "output": f"{said}\nkilled after {seconds:g} s\n"}
    return {"status": status if status >= 0 else 128 - status, "output": said}


def _respond(near: socket.socket, own: Path, wrapper: Sequence[str]) -> None:
    with near, near.makefile("rb") as request:
        asked = json.loads(request.readline())
        near.sendall(json.dumps(run(own, wrapper, asked["argv"], asked["seconds"])).encode() + b"\n")
