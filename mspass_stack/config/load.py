"""The config keys of namespace `mspass`, read; every error has its YAML path."""

import os
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from mspass_stack.config.current_job import in_allocation
from mspass_stack.config.hostlist import expand
from mspass_stack.config.model import IN_WORDS, REFUSED
from mspass_stack.config.sections import KEY, Cluster
from mspass_stack.errors import ConfigError

FLAT_KEYS = frozenset({"abandon", "cluster", "interrupt", "jupyterPassword", "replaceJob", "rescue"})
"""The keys of namespace `mspass`. Secrets are flat keys: Pulumi encrypts whole values, never a part of an object."""

EXPECTED = {
    **dict.fromkeys(("model_type", "dict_type"), "a mapping of keys and values"),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "a whole number"),
    "bool_type": "true or false",
    "tuple_type": "a list",
    "string_type": "a text",
    "string_too_short": "a text that is not empty",
    "string_pattern_mismatch": "{pattern}",
    "too_short": "at least one",
    "greater_than_equal": "{ge} or more",
    "less_than_equal": "{le} or less",
    "literal_error": "{expected}",
}
"""Pydantic's kinds of error in words of YAML."""


def read_cluster(value: object) -> Cluster:
    """Check the single values of `mspass:cluster`.

    Raises:
        ConfigError: one line per problem, each with its YAML path, the value and what was expected.
    """
    if value is None:
        raise ConfigError(f"{KEY}: missing: expected the cluster; mspass-stack schema --reference lists its keys")
    try:
        return Cluster.model_validate(in_allocation(value, os.environ))
    except ValidationError as error:
        raise ConfigError(problems(error, KEY)) from None


def check_keys(keys: set[str]) -> None:
    """Refuse unknown keys of namespace `mspass`: a misspelt secret would silently do nothing."""
    if unknown := sorted(keys - FLAT_KEYS):
        raise ConfigError(
            "\n".join(f"mspass:{key}: unknown key (known: {', '.join(sorted(FLAT_KEYS))})" for key in unknown)
        )


def abandoned(value: object, placements: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return the hosts of `mspass:abandon`: those that will not come back, and play no role any more.

    Args:
        placements: YAML path below the cluster's key, and host, of everything that is placed.

    Raises:
        ConfigError: it is no list of names, or one of them still plays a role.
    """
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(host, str) for host in value):  # pyright: ignore[reportUnknownVariableType]
        raise ConfigError(f"mspass:abandon: {value!r}: expected a list of hosts")
    try:
        hosts = tuple(host for text in map(str, value) for host in expand(text))  # pyright: ignore[reportUnknownArgumentType]
    except ValueError as error:
        raise ConfigError(
            f"mspass:abandon: {value!r}: expected hosts, or host lists such as node[1-4]: {error}"
        ) from None
    plays = [f"mspass:abandon: '{host}' still plays {KEY}.{path}" for path, host in placements if host in hosts]
    if plays:
        raise ConfigError("\n".join(plays))
    return hosts


def may_interrupt(value: object) -> bool:
    """Return `mspass:interrupt`: whether a restart may stop what nobody else does meanwhile.

    Raises:
        ConfigError: it is neither true nor false.
    """
    return _switch("interrupt", value)


def may_replace_job(value: object) -> bool:
    """Return `mspass:replaceJob`: whether a Slurm job that runs may be stopped for another one.

    Raises:
        ConfigError: it is neither true nor false.
    """
    return _switch("replaceJob", value)


def asks_for_nodes(value: object) -> bool:
    """Return `mspass:rescue`: whether the next Slurm job asks for the nodes on which the last one has left data.

    Raises:
        ConfigError: it is neither true nor false.
    """
    return _switch("rescue", value)


def _switch(key: str, value: object) -> bool:
    if value is not None and not isinstance(value, bool):
        raise ConfigError(f"mspass:{key}: {value!r}: expected true or false")
    return value is True


def problems(error: ValidationError, root: str) -> str:
    """Return a line per problem, each with its YAML path, the value and what was expected.

    Args:
        root: what the paths begin with: a key, or a file.
    """
    return "\n".join(_line(dict(problem), root) for problem in error.errors())


def _line(problem: dict[str, Any], root: str) -> str:
    path = ""
    for part in problem["loc"]:
        if not str(part).startswith("["):  # pydantic's own word, or a tag of ours
            path += f"[{part}]" if isinstance(part, int) else f".{part}"
    path = root + path if root == KEY else ": ".join(filter(None, (root, path.removeprefix("."))))
    if problem["type"] == REFUSED:
        return f"{path}: {problem['msg']}"
    if problem["type"] == "extra_forbidden":
        return f"{path}: unknown key"
    if problem["type"] == "missing":
        return f"{path}: required"
    if problem["type"] == "greater_than_equal" and problem["ctx"]["ge"] >= 1024**2:
        return f"{path}: {problem['input']!r}: expected at least {problem['ctx']['ge'] // 1024**2}MiB"
    if expected := EXPECTED.get(problem["type"]):
        return f"{path}: {problem['input']!r}: expected {expected.format(**_words(problem.get('ctx', {})))}"
    message = str(problem["msg"]).removeprefix("Value error, ")
    return f"{path}: {problem['input']!r}: {message[0].lower()}{message[1:]}"


def _words(known: dict[str, Any]) -> dict[str, Any]:
    """Return what pydantic knows of a problem, with a pattern in words."""
    return {**known, "pattern": IN_WORDS[known["pattern"]]} if "pattern" in known else known
