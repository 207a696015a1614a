"""Protocol probes: is a process doing its job? Each looks once and says what it saw."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from http.client import RemoteDisconnected
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

from mspass_stack.machine import Machine
from mspass_stack.provider.mongo.client import hello
from mspass_stack.rendered import Probe

TIMEOUT = 2.0
"""Seconds for one look."""

PAGE = 10.0
"""Seconds for a page: it waits for an event loop, and the first for the way to its host."""

DIRECT = build_opener(ProxyHandler({}))
"""Past the proxies of the environment: they do not see these ports, and Jupyter's token is not for them."""


@dataclass(frozen=True)
class Way:
    """Where a probe's port is reached from here, and the machine that it is on."""

    address: str
    port: int
    host: Machine


def look(probe: Probe, host: Machine) -> str:
    """Look once.

    Args:
        host: the machine that sees the probe's address, which may be its own alone.

    Returns:
        Empty when the process is ready, else what is still missing.
    """
    try:
        address, port = host.meet(probe.address, probe.port)
        return PROBES[probe.kind](probe, Way(address, port, host))
    except (ConnectionError, RemoteDisconnected):
        return "no answer"
    except URLError as error:
        return "no answer" if isinstance(error.reason, ConnectionError) else str(error)
    except OSError as error:
        return str(error)
    except ValueError as error:
        return f"{type(error).__name__}: {error}"


def _mongo(probe: Probe, way: Way) -> str:
    return "" if hello(way.address, way.port, TIMEOUT)["isWritablePrimary"] else "not a writable primary"


def _member(probe: Probe, way: Way) -> str:
    said = hello(way.address, way.port, TIMEOUT)
    if said.get("isreplicaset"):  # MongoDB's word of a member without a config
        return "it knows of no replica set: its data are not there"
    return "" if said["isWritablePrimary"] or said.get("secondary") else "neither primary nor secondary of its set"


def _router(probe: Probe, way: Way) -> str:
    return "" if hello(way.address, way.port, TIMEOUT).get("msg") == "isdbgrid" else "it is not a router"


def _scheduler(probe: Probe, way: Way) -> str:
    return "" if _get(way, "/health") == "ok" else "its health page does not say ok"


def _workers(probe: Probe, way: Way) -> str:
    # The scheduler's own HTTP pages rather than a Dask client: they hold for any version of Dask on the other side.
    workers: dict[str, Any] = json.loads(_get(way, "/json/identity.json"))["workers"]
    names = [str(worker["name"]) for worker in workers.values()]
    seen = sum(name == probe.name or name.startswith(f"{probe.name}-") for name in names)
    return "" if seen == probe.count else f"the scheduler counts {seen} of {probe.count} workers"


def _jupyter(probe: Probe, way: Way) -> str:
    token = way.host.read(probe.token_file)
    json.loads(_get(way, "/api/status", {"Authorization": f"token {token}"}))
    return ""


def _get(way: Way, path: str, headers: dict[str, str] | None = None) -> str:
    request = Request(f"http://{way.address}:{way.port}{path}", headers=headers or {})
    with DIRECT.open(request, timeout=PAGE) as answer:
        return answer.read().decode()


PROBES: dict[str, Callable[[Probe, Way], str]] = {
    "mongo": _mongo,
    "mongo-member": _member,
    "mongos": _router,
    "dask-scheduler": _scheduler,
    "dask-workers": _workers,
    "jupyter": _jupyter,
}
