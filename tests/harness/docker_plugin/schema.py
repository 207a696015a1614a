"""A double: the part of the Docker provider's schema that it knows (terraform-provider-docker v4.5, pulumi-docker)."""

from collections.abc import Mapping
from typing import Any, cast

SETS = frozenset({"envs", "labels", "mounts", "uploads"})
"""Inputs whose order means nothing."""

COMPUTED = frozenset(
    {
        *("hostname", "command", "entrypoints", "envs", "labels", "healthcheck", "logDriver"),
        *("stopSignal", "stopTimeout", "init", "driver"),
    }
)
"""Inputs that the engine fills in: to leave them out is no change."""

REPLACING = frozenset(
    {
        *("name", "image", "hostname", "command", "entrypoints", "user", "workingDir", "envs", "labels"),
        *("networkMode", "cpus", "stopSignal", "stopTimeout", "logDriver", "logOpts"),
        *("readOnly", "tty", "stdinOpen", "uploads"),
    }
)

LIVE = frozenset({"restart", "memory", "memoryReservation", "memorySwap"})
"""Inputs that are changed on a running container. A change of what is in neither list changes the state only."""

DEFAULTS: Mapping[str, Any] = {
    "attach": False,
    "containerReadRefreshTimeoutMilliseconds": 15000,
    "logs": False,
    "memoryReservation": 0,
    "mustRun": True,
    "networkMode": "bridge",
    "readOnly": False,
    "removeVolumes": True,
    "restart": "no",
    "rm": False,
    "start": True,
    "stdinOpen": False,
    "tty": False,
    "wait": False,
    "waitTimeout": 60,
}

CONTAINER = (
    REPLACING
    | LIVE
    | frozenset(DEFAULTS)
    | {"healthcheck", "init", "mounts", "destroyGraceSeconds", "entrypoints", "command", "envs"}
)


def with_defaults(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs as the bridge writes them into the state: with the schema's defaults, and the list of those."""
    added = sorted(key for key in DEFAULTS if key not in inputs)
    whole: dict[str, Any] = {**inputs, **{key: DEFAULTS[key] for key in added}, "__defaults": added}
    if "healthcheck" in whole:
        zero = {"interval": "0s", "timeout": "0s", "startPeriod": "0s", "startInterval": "0s", "retries": 0}
        whole["healthcheck"] = zero | whole["healthcheck"]
    return whole


def differences(old: Mapping[str, Any], new: Mapping[str, Any], known: frozenset[str]) -> list[str]:
    """Inputs that differ from the state, in the way in which the provider compares."""
    return [key for key in sorted(known) if _differs(key, old.get(key), new.get(key))]


def _differs(key: str, old: Any, new: Any) -> bool:
    if new is None:
        return key not in COMPUTED and bool(old)
    if key in SETS:
        return _as_set(old or []) != _as_set(new)
    return _plain(old) != _plain(new)


def _as_set(items: list[Any]) -> set[str]:
    return {repr(_plain(item)) for item in items}


def _plain(value: Any) -> Any:
    """Without the marks of defaults, which nested objects carry as well, and without what is not set."""
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value)
        return sorted((k, _plain(v)) for k, v in items.items() if k != "__defaults" and v not in (None, "", False))
    if isinstance(value, list):
        return [_plain(item) for item in cast("list[Any]", value)]
    return value
