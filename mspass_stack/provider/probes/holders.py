"""Who holds the cores of a pool whose scheduler gives them to applications: an idle one keeps others waiting."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPException
from typing import Any

from mspass_stack.machines.base import Machine
from mspass_stack.provider.probes import DIRECT, PAGE_TIMEOUT
from mspass_stack.spec.probe import Probe


@dataclass(frozen=True)
class Application:
    """A program that has registered; without cores it waits for some."""

    name: str
    cores: int
    since: datetime

    def __str__(self) -> str:
        # A name is what somebody's program says of itself, and is written to a terminal.
        today = self.since.date() == datetime.now().astimezone().date()
        return f"{self.name!r} since {self.since:{'%H:%M' if today else '%F %H:%M'}}"


@dataclass(frozen=True)
class Holders:
    """The applications of a pool, and the cores of its workers."""

    kind: str
    cores: int
    applications: tuple[Application, ...]

    def __str__(self) -> str:
        holding = [one for one in self.applications if one.cores]
        waiting = [one for one in self.applications if not one.cores]
        said = f"{self.kind}: {sum(one.cores for one in holding)} of {self.cores} cores held"
        if len(holding) == 1:
            said += f" by application {holding[0]}"
        elif holding:
            said += ": " + ", ".join(f"{one.cores} by application {one}" for one in holding)
        return said + (f"; waiting: {', '.join(map(str, waiting))}" if waiting else "")

    def dump(self) -> dict[str, Any]:
        """Return it for programs."""
        known = [{"name": one.name, "cores": one.cores, "since": one.since.isoformat()} for one in self.applications]
        return {"kind": self.kind, "cores": self.cores, "applications": known}


def holders(probe: Probe, host: Machine) -> Holders | None:
    """Return who holds cores; None where what is probed gives none to applications, or does not say now.

    Args:
        host: the machine that sees the probe's address.
    """
    if probe.kind not in PAGES:
        return None
    path, read = PAGES[probe.kind]
    try:
        address, port = host.endpoint(probe.address, probe.port)
        with DIRECT.open(f"http://{address}:{port}{path}", timeout=PAGE_TIMEOUT) as answer:
            return read(json.loads(answer.read()))
    except (OSError, HTTPException, ValueError, LookupError, TypeError):
        return None


def _of_spark(page: dict[str, Any]) -> Holders:
    # Source: JsonProtocol.scala, writeMasterState and writeApplicationInfo.
    begun = ((one, datetime.fromtimestamp(one["starttime"] / 1000).astimezone()) for one in page["activeapps"])
    known = (Application(str(one["name"]), int(one["cores"]), since) for one, since in begun)
    return Holders("Spark", int(page["cores"]), tuple(sorted(known, key=lambda one: one.since)))


PAGES: dict[str, tuple[str, Callable[[dict[str, Any]], Holders]]] = {"spark": ("/json/", _of_spark)}
"""The page that says it and how it is read, by the kind of probe."""
