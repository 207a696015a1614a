"""Know what a step may use of its node, and share that among the processes there: no plan knows either number."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from . import settings
from .errors import Refused
from .job_supervisor import JobFiles
from .words import CACHE, CORES, LIMIT

GIB = 1 << 30

SPARE = 16
"""Of a node's memory, one part of so many is left to its system."""

LEAST_CACHE, LEAST_LIMIT = GIB // 4, GIB // 8
"""MongoDB takes no smaller cache, and no worker begins with less."""

BESIDE_CACHE = 1.25
"""Bytes of a mongod for each of its cache."""


class Size:
    """What a step may use of its node.

    Attributes:
        cores: how many.
        memory: in bytes.
    """

    def __init__(self, cores: int, memory: int) -> None:
        self.cores, self.memory = cores, memory

    @classmethod
    def of(cls, node: Mapping[str, Any]) -> Size:
        """Measure it.

        Args:
            node: what the job has there: `cores`, and `memory` in MiB; 0 is not known.

        Raises:
            Refused: it is less than the job has.
        """
        given, seen = int(node.get("cores") or 0), len(os.sched_getaffinity(0))
        if seen < given:
            raise Refused(_too_few(seen, given, os.cpu_count() or seen))
        pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        asked = int(node.get("memory") or 0) << 20
        return cls(given or seen, min([pages, *memory_limits(), *([asked] if asked else [])]))

    def shares(self, own: Mapping[str, Any], beside: Sequence[Mapping[str, Any]]) -> dict[str, int]:
        """Share the node's memory out.

        Args:
            own: what the step of the process is told.
            beside: the same of all processes on the node, with its own.

        Returns:
            `cores`, `memory` of all, `workers`, `limit` of each, and `cache`, all but the numbers in bytes.
        """
        workers = int(own.get("parts") or 0) or self.cores
        rooms = min(sum(int(other.get("room") or 0) for other in beside), self.memory // 2)
        left = self.memory - self.memory // SPARE - rooms
        servers, pools = (sum(word in other["argv"] for other in beside) for word in (CACHE, LIMIT))
        # Half, as MongoDB has it by itself; a quarter where workers take what is left.
        cache = max(left // (4 if pools else 2) // max(servers, 1), LEAST_CACHE)
        limit = (left - int(servers * cache * BESIDE_CACHE)) // max(pools, 1) // workers
        return {
            "cores": self.cores,
            "memory": self.memory,
            "workers": workers,
            "limit": max(limit, LEAST_LIMIT),
            "cache": cache,
        }


def words_of(shares: Mapping[str, int]) -> dict[str, str]:
    """Return what is put in for each word."""
    return {CORES: str(shares["cores"]), CACHE: f"{shares['cache'] / GIB:.2f}", LIMIT: str(shares["limit"])}


def steps_on(directory: str, host: str) -> list[dict[str, Any]]:
    """Read what the steps of all processes on a host are told."""
    files = JobFiles(directory)
    told = (files.step(name) for name in files.names())
    found = [json.loads(path.read_text(encoding="utf-8")) for path in told if path.exists()]
    return [step for step in found if step.get("host") == host]


def note(run: Path, name: str, shares: Mapping[str, int]) -> None:
    """Write down what a process was given; a probe counts by it."""
    settings.write(JobFiles(str(run.parent)).size(name), json.dumps(shares) + "\n")


def memory_limits(groups: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")) -> list[int]:
    """Read the limits of the control groups that this process is in, of either version."""
    found: list[int] = []
    for line in groups.read_text().splitlines() if groups.exists() else ():
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        top, file = (root / "memory", "memory.limit_in_bytes") if controllers else (root, "memory.max")
        group = top / path.lstrip("/")
        for place in (group, *group.parents):
            limit = place / file
            if limit.exists() and (text := limit.read_text().strip()).isdigit():
                found.append(int(text))
            if place == top:
                break
    return found


def _too_few(seen: int, given: int, there: int) -> str:
    if there < given:
        return (
            f"the node has {there} cores, and Slurm counts {given} there: set mspass:cluster.slurm.cores to {there} or "
            "less"
        )
    return (
        f"the step may use {seen} of the {given} cores that the job has on its node: Slurm's task plugin binds it "
        "(TaskPlugin in slurm.conf; scontrol show config). Set the launcher of the profile so that it does not, or "
        f"mspass:cluster.slurm.cores to {seen}"
    )
