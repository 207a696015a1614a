"""Answer requests from standard input, one JSON object a line, until it ends."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from threading import Lock, Thread
from typing import Any

from .calls import answer
from .waiting import interrupted

HELLO = {"agent": 1}
"""The first line: what a login's shell says comes before it. The number is of the calls, for who knows others."""

FAREWELL = 1.0
"""Seconds for what waits to give up, and to kill the commands that it runs, when nobody asks any more."""

_output = Lock()


def main() -> None:
    """Serve; each request in a thread of its own, for a stop takes minutes while others ask."""
    _say(HELLO)
    threads: list[Thread] = []
    for line in sys.stdin.buffer:
        if line.strip():
            threads = [thread for thread in threads if thread.is_alive()]
            threads.append(Thread(target=_respond, args=(line,), daemon=True))
            threads[-1].start()
    interrupted.set()
    end = time.monotonic() + FAREWELL
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    # Whoever waits for something else must not hold us.
    os._exit(0)


def _respond(line: bytes) -> None:
    try:
        request = dict(json.loads(line))
    except (TypeError, ValueError) as error:
        _say({"id": None, "error": {"kind": "internal", "text": f"no object of JSON: {error}"}})
        return
    _say(answer(request))


def _say(message: Mapping[str, Any]) -> None:
    text = json.dumps(message) + "\n"
    with _output:
        try:
            sys.stdout.buffer.write(text.encode())
            sys.stdout.buffer.flush()
        except OSError:
            os._exit(0)  # Nobody listens any more.
