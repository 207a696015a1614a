"""Wait on the node of a scheduler until all declared workers are counted there: by its pages, which only it sees."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .batch_run import ASKED, DIRECTORY

PAUSE = 1.0
"""Seconds between two looks."""

PAGE = 10.0
"""Seconds for a page."""


def main(directory: str) -> None:
    """Return when they are there; say what is missing when that is something else."""
    known = json.loads((Path(directory) / "run" / DIRECTORY / ASKED).read_text(encoding="utf-8"))
    last = ""
    while missing := missing_of(known["gate"]):
        if missing != last:
            print(f"waiting for workers: {missing}", flush=True)
        last = missing
        time.sleep(PAUSE)


def missing_of(gate: Mapping[str, Any]) -> str:
    """Look once; return what is missing, or nothing.

    Args:
        gate: `kind` of the probe of workers, `url` of the page that counts them, and of each process of `workers`
            its name there, the number of its workers, and the file that has it where the number is 0.
    """
    try:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(gate["url"], timeout=PAGE) as answer:
            page: dict[str, Any] = json.loads(answer.read().decode())
    except (OSError, ValueError) as error:
        return f"the scheduler does not answer ({error})"
    lacking = [name for name, count, file in gate["workers"] if not COUNTED[gate["kind"]](page, name, count, file)]
    return f"{len(lacking)} of {len(gate['workers'])} are not there: {', '.join(lacking[:5])}" if lacking else ""


def _dask(page: Mapping[str, Any], name: str, count: int, file: str) -> bool:
    names = [str(worker["name"]) for worker in page["workers"].values()]
    found = sum(one == name or one.startswith(f"{name}-") for one in names)
    expected = count or _size(file)
    return bool(expected) and found >= expected


def _spark(page: Mapping[str, Any], name: str, count: int, file: str) -> bool:
    return any(f"{one['host']}:{one['port']}" == name and one["state"] == "ALIVE" for one in page["workers"])


def _size(file: str) -> int:
    """Return how many workers a node has said that it has; 0 where it has not."""
    try:
        return int(json.loads(Path(file).read_text(encoding="utf-8"))["workers"])
    except (OSError, ValueError, KeyError):
        return 0


COUNTED = {"dask-workers": _dask, "spark-workers": _spark}
"""Whether a page counts the workers of a process, by the kind of their probe."""
