"""Hosts in a config: what is said of each, and the places where a host list may name many."""

from collections.abc import Mapping
from typing import Annotated, Any, cast

from pydantic import BeforeValidator, Field

from mspass_stack.config.hostlist import expand, is_list
from mspass_stack.config.model import Model, Name, Problem, Text, like, refuse

LOOPBACK = "127.0.0.1"

HOST_LIST = r"^[a-z][a-z0-9-]*(\[[0-9, -]+\][a-z0-9-]*)*(, *[a-z][a-z0-9-]*(\[[0-9, -]+\][a-z0-9-]*)*)*$"

HostList = Annotated[str, like(HOST_LIST, "the name of a host, or a host list such as node[1-4]")]
"""What may be written for hosts; a model holds single names."""


class Ssh(Model):
    """How a host is reached when it is not this machine; what is left out is SSH's own choice (`~/.ssh/config`)."""

    user: Text | None = Field(default=None, description="the user who logs in")
    port: Annotated[int, Field(ge=1, le=65535)] | None = Field(default=None, description="the port of its SSH server")
    key: Text | None = Field(
        default=None, description="private key file; by default the agent's keys and SSH's usual files"
    )
    known_hosts: Text | None = Field(
        default=None, description="another file of host keys, read beside SSH's usual ones"
    )
    jump: Annotated[str, like(r"^(\S+@)?[^@\s:]+(:\d+)?$", "[USER@]HOST[:PORT]")] | None = Field(
        default=None, description="jump host, as `[USER@]HOST[:PORT]`"
    )


class Host(Model):
    """A machine of the cluster."""

    address: Annotated[str, like(r"^[^@\s]+$", "a name or an IPv4 address; the user is ssh.user")] = Field(
        default=LOOPBACK, description="IPv4 address or name by which the other hosts reach it"
    )
    ssh: Ssh | None = Field(default=None, description="how it is reached; a host without this key is this machine")
    runtime: Name | None = Field(
        default=None, description="how its processes are packaged; by default as the cluster's"
    )
    python: Text | None = Field(
        default=None,
        description="its Python with dask and jupyterlab; other programs are searched beside it first; by default the "
        "cluster's `python`, else `python3` on the PATH of a login, or of the image",
    )


def each_host(value: object) -> object:
    """Expand the host lists in a list of hosts."""
    if not isinstance(value, list | tuple):
        return value
    hosts: list[object] = []
    problems: list[Problem] = []
    for index, item in enumerate(cast("list[object]", value)):
        hosts += _expand(item, index, problems)
    if problems:
        refuse(problems)
    return hosts


def by_host(value: object) -> object:
    """Give each host of a key that is a host list the value of that key; a host twice is an error."""
    if not isinstance(value, dict):
        return value
    found: dict[object, Any] = {}
    written: dict[object, object] = {}
    problems: list[Problem] = []
    for key, item in cast("dict[object, Any]", value).items():
        for name in (names := _expand(key, str(key), problems)):
            if name in found:
                problems.append(((str(name),), f"host '{name}' twice: by '{written[name]}' and by '{key}'"))
            found[name], written[name] = item, key
        _give_addresses(key, [*map(str, names)], found, problems)
    if problems:
        refuse(problems)
    return found


def _give_addresses(key: object, names: list[str], found: dict[object, Any], problems: list[Problem]) -> None:
    """Let an address that is a list too, as in `lab[1-3]: {address: "10.0.0.[1-3]"}`, be each host's own."""
    shared: Any = found.get(names[0]) if is_list(str(key)) and names else None
    address: object = cast("Mapping[str, object]", shared).get("address") if isinstance(shared, dict) else None
    if not isinstance(address, str) or not is_list(address):
        return
    addresses = _expand(address, str(key), problems)
    if len(addresses) != len(names):
        problems.append(((str(key), "address"), f"{address!r}: expected {len(names)} addresses, got {len(addresses)}"))
        return
    for name, own in zip(names, addresses, strict=True):
        found[name] = {**shared, "address": own}


def _expand(item: object, path: str | int, problems: list[Problem]) -> list[object]:
    if not isinstance(item, str) or not is_list(item):
        return [item]
    try:
        return list(expand(item))
    except ValueError as error:
        problems.append(((path,), f"{item!r}: expected a host list such as node[1-4]: {error}"))
        return []


Hosts = Annotated[tuple[Name, ...], BeforeValidator(each_host, json_schema_input_type=tuple[HostList, ...])]
"""A list of hosts, each by its name or many by a host list."""
