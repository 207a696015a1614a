"""A connection as OpenSSH and Docker's own tools take it. Pure."""

import shlex
from collections.abc import Mapping
from pathlib import Path

from mspass_stack.spec.connection import ConnectionSpec

IDLE = "8h"
"""How long a connection that its user has opened stands while nobody uses it."""


def command(connection: ConnectionSpec) -> list[str]:
    """Return the command line of OpenSSH to a host; one more word is a command line there."""
    return ["ssh", *options(connection), *_target(connection)]


def options(connection: ConnectionSpec) -> list[str]:
    """Return words for OpenSSH: one shared connection per host, no questions, host keys checked.

    The shared connection is a socket in `forward.own_directory()`; without that directory ssh shares none.
    """
    shared = {"ControlMaster": "auto", "ControlPath": "/tmp/mspass-%i/%C", "ControlPersist": "60"}
    return _words({**shared, "ConnectTimeout": "10", "ServerAliveInterval": "5", **_own(connection)})


def master(connection: ConnectionSpec, socket: Path) -> list[str]:
    """Return the command line that opens a connection for others to use, and asks its user whatever the host asks.

    Args:
        socket: where the others find it.
    """
    lives = {"ControlMaster": "yes", "ControlPath": _path(socket), "ControlPersist": IDLE, "ServerAliveInterval": "30"}
    # More patience than elsewhere: another entry costs another token.
    words = _words({**lives, "ServerAliveCountMax": "10", "ConnectTimeout": "30", **_own(connection, asks=True)})
    return ["ssh", "-f", "-N", "-T", *words, *_target(connection)]


def docker_host(connection: ConnectionSpec) -> str:
    """Return the address of a host's Docker engine, as Docker's own tools take it."""
    user = f"{connection.user}@" if connection.user else ""
    port = f":{connection.port}" if connection.port else ""
    return f"ssh://{user}{connection.address}{port}"


def _target(connection: ConnectionSpec) -> list[str]:
    port = ["-p", str(connection.port)] if connection.port else []
    return [*port, f"{connection.user}@{connection.address}" if connection.user else connection.address]


def _own(connection: ConnectionSpec, asks: bool = False) -> dict[str, str]:
    identity = _identity(connection)
    if asks:  # of an unknown host key too, as the user's own ssh does
        del identity["BatchMode"], identity["StrictHostKeyChecking"]
    if not connection.jump:
        return identity
    # Unlike -J, a command gets the key and the known hosts of the stack too.
    words = ["ssh", *_words(identity), "-W", "[%h]:%p", *_destination(connection.jump)]
    return {**identity, "ProxyCommand": shlex.join(words)}


def _identity(connection: ConnectionSpec) -> dict[str, str]:
    own = connection.known_hosts
    known_hosts = f'~/.ssh/known_hosts ~/.ssh/known_hosts2 "{own}"' if own else ""
    key = f'"{connection.key}"' if connection.key else ""
    found = {"BatchMode": "yes", "IdentityFile": key, "UserKnownHostsFile": known_hosts}
    return {name: value for name, value in {**found, "StrictHostKeyChecking": "yes"}.items() if value}


def _path(path: Path) -> str:
    """Return a path as a value of ssh's, which fills in what stands behind a percent sign."""
    return f'"{str(path).replace("%", "%%")}"'


def _words(values: Mapping[str, str]) -> list[str]:
    return [word for name, value in values.items() for word in ("-o", f"{name}={value}")]


def _destination(jump: str) -> list[str]:
    """Return [USER@]HOST[:PORT] as ssh takes it."""
    host, separator, port = jump.rpartition(":")
    return ["-p", port, host] if separator else [jump]
