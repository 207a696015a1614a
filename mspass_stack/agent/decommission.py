"""Decommissions the Spark worker of an address, so that what its executors hold goes to others before it stops.

Arguments: its host and port, and the port of its pages on this host. A file that is read as text and run beside the
worker: nothing but the standard library.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, cast
from urllib.request import ProxyHandler, build_opener

LIMIT = 90.0
"""Seconds for what is held to go: an executor that had just begun is not told, and works until its application ends."""

PAUSE = 0.5

NAME = "org.apache.spark.deploy.worker.Worker"


def executors(page: str) -> int:
    opener = build_opener(ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{page}/json/", timeout=10) as answer:
        return len(cast("dict[str, Any]", json.loads(answer.read()))["executors"])


def workers(host: str, port: str) -> list[int]:
    """Find the pids of the worker: by the words that it was started with."""
    found: list[int] = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if NAME in words and [host, port] == [words[words.index(name) + 1] for name in ("--host", "--port")]:
            found.append(int(path.parent.name))
    return found


def main(host: str, port: str, page: str) -> None:
    (pid,) = workers(host, port)
    left = executors(page)
    os.kill(pid, signal.SIGPWR)
    end = time.monotonic() + LIMIT
    while left and time.monotonic() < end:
        time.sleep(PAUSE)
        left = executors(page)
    print(left)


if __name__ == "__main__":
    main(*sys.argv[1:])
