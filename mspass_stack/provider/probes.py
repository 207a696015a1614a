"""Protocol probes: is a process doing its job? Each looks once and says what it saw."""

import json
from collections.abc import Callable
from http.client import RemoteDisconnected
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from mspass_stack.provider.mongo import is_writable_primary
from mspass_stack.rendered import Probe

TIMEOUT = 2.0
"""Seconds for one look."""


def look(probe: Probe) -> str:
    """Look once.

    Returns:
        Empty when the process is ready, else what is still missing.
    """
    try:
        return PROBES[probe.kind](probe)
    except (ConnectionError, RemoteDisconnected):
        return "no answer"
    except URLError as error:
        return "no answer" if isinstance(error.reason, ConnectionError) else str(error)
    except (OSError, ValueError) as error:
        return f"{type(error).__name__}: {error}"


def _mongo(probe: Probe) -> str:
    return "" if is_writable_primary(probe.address, probe.port, TIMEOUT) else "not a writable primary"


def _scheduler(probe: Probe) -> str:
    return "" if _get(probe, "/health") == "ok" else "its health page does not say ok"


def _workers(probe: Probe) -> str:
    # The scheduler's own HTTP pages rather than a Dask client: they hold for any version of Dask on the other side.
    workers: dict[str, Any] = json.loads(_get(probe, "/json/identity.json"))["workers"]
    names = [str(worker["name"]) for worker in workers.values()]
    seen = sum(name == probe.name or name.startswith(f"{probe.name}-") for name in names)
    return "" if seen == probe.count else f"the scheduler counts {seen} of {probe.count} workers"


def _jupyter(probe: Probe) -> str:
    token = Path(probe.token_file).read_text()
    json.loads(_get(probe, "/api/status", {"Authorization": f"token {token}"}))
    return ""


def _get(probe: Probe, path: str, headers: dict[str, str] | None = None) -> str:
    request = Request(f"http://{probe.address}:{probe.port}{path}", headers=headers or {})
    with urlopen(request, timeout=TIMEOUT) as answer:
        return answer.read().decode()


PROBES: dict[str, Callable[[Probe], str]] = {
    "mongo": _mongo,
    "dask-scheduler": _scheduler,
    "dask-workers": _workers,
    "jupyter": _jupyter,
}
