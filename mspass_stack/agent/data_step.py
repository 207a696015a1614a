"""Bring the data of a node's servers, and store them: the task of a step on each node that has some.

A task prints a line of JSON for each server, and one when it has done all.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from . import size, slurm
from .allocation import Allocation
from .errors import Refused
from .local_data import LOCK, PARTIAL, LocalData, unopened
from .store import Store

CHECKPOINT = "checkpoint"
"""The word for a copy of data that servers have open and hold still."""

NO_DATA = (LOCK, "diagnostic.data", "_tmp")
"""What changes even then."""


class DataStep:
    """What one node does.

    Args:
        directory: of the stack.
    """

    def __init__(self, directory: str) -> None:
        allocation = Allocation(Path(directory) / "run").read()
        nodes: Mapping[str, Mapping[str, Any]] = allocation["nodes"]
        name = os.environ["SLURMD_NODENAME"]
        self._host = next(host for host, node in nodes.items() if node["name"] == name)
        self._members = members_of(directory, self._host)
        self._data, self._store = LocalData(directory, allocation), Store(Path(directory))

    def run(self, what: str, *words: str) -> None:
        """Do what a word says: `find RUN`, `bring`, `keep` or `checkpoint` with `VERSION RUN`, or `forget`."""
        os.umask(0o077)
        try:
            self._data.ensure()
        except (Refused, OSError) as error:
            self._say(error=str(error))
            return
        steps: dict[str, Callable[..., None]] = {
            "find": self._find,
            "bring": self._bring,
            "keep": self._keep,
            CHECKPOINT: self._checkpoint,
            "forget": self._data.forget,
        }
        steps[what](*words)
        self._say(done=True)

    def _find(self, run: str) -> None:
        """Say which servers' data of a run are here."""
        self._say(found=self._data.members(run))

    def _bring(self, version: str, left: str) -> None:
        """Bring what a version has of the node's own servers; what other runs have left goes, but for one."""

        def brought(member: str) -> dict[str, Any]:
            self._data.forget(left, self._data.run)
            data = self._data.of(member)
            partial = data.with_name(f"{data.name}{PARTIAL}")
            count = self._store.bring(version, member, partial)
            partial.rename(data)
            return {"bytes": count, "ram": self._data.is_ram}

        self._each(self._members, brought)

    def _keep(self, version: str, run: str) -> None:
        """Copy what is here of a run into a version."""

        def kept(member: str) -> dict[str, Any]:
            data = self._data.of(member, run)
            with unopened(data):
                return self._store.keep(version, member, data)

        self._each(self._data.members(run), kept)

    def _checkpoint(self, version: str, run: str) -> None:
        """Copy what is here of a run into a version, while its servers hold their data still."""

        def kept(member: str) -> dict[str, Any]:
            return self._store.keep(version, member, self._data.of(member, run), NO_DATA)

        self._each(self._data.members(run), kept)

    def _each(self, members: list[str], step: Callable[[str], dict[str, Any]]) -> None:
        for member in members:
            begun = time.monotonic()
            try:
                known = step(member)
            except (Refused, OSError, ValueError) as error:
                known = {"error": str(error)}
            self._say(member=member, seconds=round(time.monotonic() - begun, 2), **known)

    def _say(self, **known: object) -> None:
        slurm.tell({"host": self._host, **known})


def members_of(directory: str, host: str) -> list[str]:
    """Return the servers on a host that have data, by the names of their directories."""
    return sorted(Path(step["data"]).name for step in size.steps_on(directory, host) if step.get("data"))
