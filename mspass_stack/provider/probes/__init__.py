"""Protocol probes: is a process doing its job? Each looks once and says what it saw."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from http.client import RemoteDisconnected
from ssl import create_default_context
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener

from mspass_stack.agent.words import CORES, LIMIT, filled
from mspass_stack.machines.base import Machine
from mspass_stack.mongo.client import hello
from mspass_stack.spec.probe import Probe

HELLO_TIMEOUT = 2.0
"""Seconds for an answer of MongoDB."""

PAGE_TIMEOUT = 10.0
"""Seconds for a page: it waits for an event loop, and the first for the way to its host."""

NO_PROXY = ProxyHandler({})
DIRECT = build_opener(NO_PROXY)
"""Past the proxies of the environment: they do not see these ports, and Jupyter's token is not for them."""

FORBIDDEN = (401, 403)
"""What a page that needs a token says without one."""


Seen = dict[str, str | OSError]
"""Pages that one look has fetched, by their address, or why it could not."""


@dataclass(frozen=True)
class Target:
    """Where a probe's port is reached from here, and the machine that it is on."""

    address: str
    port: int
    host: Machine
    authority: str
    seen: Seen


def probe(probe: Probe, host: Machine, authority: str = "", seen: Seen | None = None) -> str | None:
    """Look once; return what is still missing, None when the process is ready.

    Args:
        host: the machine that sees the probe's address, which may be its own alone.
        authority: certificate of who signs that of the process, PEM; empty where it speaks no TLS.
        seen: what probes of the same look have seen: a page of all workers is asked for once.
    """
    try:
        address, port = host.endpoint(probe.address, probe.port)
        return PROBES[probe.kind](probe, Target(address, port, host, authority, {} if seen is None else seen))
    except (ConnectionError, RemoteDisconnected):
        return "no answer"
    except HTTPError as error:
        return f"its page says {error.code} {error.reason}"
    except URLError as error:
        return "no answer" if isinstance(error.reason, ConnectionError) else str(error)
    except OSError as error:
        return str(error)
    except ValueError as error:
        return f"{type(error).__name__}: {error}"


def size(probe: Probe, host: Machine) -> dict[str, int]:
    """Return what a process was given of its node (`agent.size`); nothing where it has not said so yet."""
    try:
        return dict(json.loads(host.read(probe.size_file))) if probe.size_file else {}
    except (OSError, ValueError):
        return {}


def _mongo(probe: Probe, target: Target) -> str | None:
    return None if _hello(target)["isWritablePrimary"] else "not a writable primary"


def _member(probe: Probe, target: Target) -> str | None:
    answer = _hello(target)
    if answer.get("isreplicaset"):  # MongoDB's word of a member without a config
        return "it knows of no replica set: its data are not there"
    return (
        None if answer["isWritablePrimary"] or answer.get("secondary") else "neither primary nor secondary of its set"
    )


def _router(probe: Probe, target: Target) -> str | None:
    return None if _hello(target).get("msg") == "isdbgrid" else "it is not a router"


def _http(probe: Probe, target: Target) -> str | None:
    if not probe.token_file:
        page = _get(probe, target, probe.path)
        return None if probe.expected in ("", page) else f"its page {probe.path} does not say {probe.expected}"
    token = target.host.read(probe.token_file)
    _get(probe, target, probe.path, {"Authorization": f"token {token}"})
    try:
        _get(probe, target, probe.path)
    except HTTPError as error:
        if error.code in FORBIDDEN:
            return None
        raise
    return "its page opens without its token: a configuration that it reads has switched that off"


def _workers(probe: Probe, target: Target) -> str | None:
    # The scheduler's own HTTP pages rather than a Dask client: they hold for any version of Dask on the other side.
    workers: dict[str, Any] = json.loads(_get_once(probe, target, "/json/identity.json"))["workers"]
    names = [str(worker["name"]) for worker in workers.values()]
    count = sum(name == probe.name or name.startswith(f"{probe.name}-") for name in names)
    expected = probe.count or size(probe, target.host).get("workers", 0)
    if not expected:
        return "its node has not said how many workers it has"
    return None if count == expected else f"the scheduler counts {count} of {expected} workers"


def _spark_master(probe: Probe, target: Target) -> str | None:
    status = _spark(probe, target)["status"]
    return None if status == "ALIVE" else f"the master is {status}"


def _spark_worker(probe: Probe, target: Target) -> str | None:
    # A worker that registers again is another one; those that are gone stay in the list for a while.
    workers: list[dict[str, Any]] = _spark(probe, target)["workers"]
    own = [one for one in workers if f"{one['host']}:{one['port']}" == probe.name and one["state"] == "ALIVE"]
    if not own:
        return "the master has no such worker"
    given = size(probe, target.host)
    known = {CORES: str(given.get("cores", 0)), LIMIT: str(given.get("limit", 0) >> 20)}
    found, expected = f"{own[0]['cores']} cores, {own[0]['memory']} MiB", filled(probe.expected, known)
    return None if found == expected else f"the master counts {found} of {expected}"


def _spark(probe: Probe, target: Target) -> dict[str, Any]:
    return json.loads(_get_once(probe, target, "/json/"))


def _hello(target: Target) -> dict[str, Any]:
    return hello(target.address, target.port, HELLO_TIMEOUT, target.authority)


def _get_once(probe: Probe, target: Target, path: str) -> str:
    """Return a page that the same look may have fetched already, or failed to."""
    key = f"{target.address}:{target.port}{path}"
    if key not in target.seen:
        try:
            target.seen[key] = _get(probe, target, path)
        except OSError as error:
            target.seen[key] = error
    found = target.seen[key]
    if isinstance(found, OSError):
        raise found
    return found


def _get(probe: Probe, target: Target, path: str, headers: dict[str, str] | None = None) -> str:
    scheme, opener = "http", DIRECT
    if probe.kind == "https":
        scheme = probe.kind
        opener = build_opener(NO_PROXY, HTTPSHandler(context=create_default_context(cadata=target.authority)))
    request = Request(f"{scheme}://{target.address}:{target.port}{path}", headers=headers or {})
    with opener.open(request, timeout=PAGE_TIMEOUT) as answer:
        return answer.read().decode()


PROBES: dict[str, Callable[[Probe, Target], str | None]] = {
    "mongo": _mongo,
    "mongo-member": _member,
    "mongos": _router,
    "http": _http,
    "https": _http,
    "dask-workers": _workers,
    "spark": _spark_master,
    "spark-workers": _spark_worker,
}
