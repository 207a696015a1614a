"""Bring what the workers of a node want, and their results back: the task of a step on each node of a job.

A task prints lines of JSON: how far it is, and one of what came of it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from . import slurm
from .allocation import Allocation
from .errors import Refused
from .job_supervisor import JobFiles
from .local_data import LocalData
from .stage import Spec, Stage

EVERY = 1.0
"""Seconds between two words of how far it is."""

KIND = "stage"
"""The kind of data that this is, on a node's own disk."""


class NodeStage:
    """What is on this node.

    Args:
        directory: of the stack.
        allocation: of the job.
        tell: takes the bytes of each piece that was copied.
    """

    def __init__(
        self, directory: str, allocation: Mapping[str, Any], tell: Callable[[int], object] = lambda count: None
    ) -> None:
        self._disk, self._tell = LocalData(directory, allocation, KIND), tell

    @property
    def own(self) -> Stage:
        """That of this run."""
        return Stage(self._disk.place / self._disk.run, self._tell)

    @property
    def is_ram(self) -> bool:
        """Whether that is in memory, which is charged to the job."""
        return self._disk.is_ram

    def bring(self, spec: Spec) -> dict[str, Any]:
        """Bring it.

        Raises:
            Refused: it cannot be brought.
        """
        self._disk.ensure()
        return self.own.bring(spec)

    def rescue(self) -> dict[str, str]:
        """Bring back the results of runs that did not, and take over what one has copied.

        Returns:
            What came of each, in words.
        """
        self._disk.ensure()
        found: dict[str, str] = {}
        for place in sorted(self._disk.place.iterdir()):
            if place.name != self._disk.run:
                left = Stage(place, self._tell)
                try:
                    count = left.give_back()
                    if self.own.root.exists():
                        left.forget()
                    else:
                        left.hand_over(self.own.root)
                except (Refused, OSError) as error:
                    found[place.name] = f"results stay in {place}: {error}"
                else:
                    found.update({place.name: f"{count} results are brought back"} if count else {})
        return found


class StageStep:
    """What one node does.

    Args:
        directory: of the stack.
    """

    def __init__(self, directory: str) -> None:
        allocation = Allocation(Path(directory) / "run").read()
        name = os.environ["SLURMD_NODENAME"]
        self._host = next(host for host, node in allocation["nodes"].items() if node["name"] == name)
        self._spec = spec_of(directory, self._host)
        self._node = NodeStage(directory, allocation, self._count)
        self._done, self._next = 0, 0.0

    def run(self, what: str) -> None:
        """Do what a word says: `bring`, `leave` (bring results back, which stay here too) or `end` (and remove all)."""
        os.umask(0o077)
        try:
            self._say(**{"bring": self._bring, "leave": self._leave, "end": self._end}[what]())
        except (Refused, OSError, ValueError) as error:
            self._say(error=str(error))

    def _bring(self) -> dict[str, Any]:
        rescued = self._node.rescue()
        if self._spec:
            self._node.bring(self._spec)
        return {"bytes": self._done, "rescued": rescued, "ram": bool(self._spec) and self._node.is_ram}

    def _leave(self) -> dict[str, Any]:
        return {"files": self._node.own.give_back(leave=True), "bytes": self._done}

    def _end(self) -> dict[str, Any]:
        count = self._node.own.give_back()
        self._node.own.forget()
        return {"files": count, "bytes": self._done}

    def _count(self, size: int) -> None:
        self._done += size
        if time.monotonic() > self._next:
            self._next = time.monotonic() + EVERY
            self._say(done=self._done)

    def _say(self, **known: object) -> None:
        slurm.tell({"host": self._host, **known})


def spec_of(directory: str, host: str) -> dict[str, Any] | None:
    """Return what is brought to a host of a job; None where nothing is."""
    return specs(directory).get(host)


def specs(directory: str) -> dict[str, dict[str, Any]]:
    """Return what is brought to each host of a job."""
    files = JobFiles(directory)
    told = (files.step(name) for name in files.names())
    steps = [json.loads(path.read_text(encoding="utf-8")) for path in told if path.exists()]
    return {step["host"]: dict(step["stage"]) for step in steps if step.get("stage")}
