"""Whether a host can connect back to clients on this machine, and they are as that host has them."""

import socket
import sys
from contextlib import suppress
from typing import NamedTuple

from mspass_stack.errors import StackError
from mspass_stack.machines import machine
from mspass_stack.machines.base import Machine
from mspass_stack.machines.local import LocalMachine
from mspass_stack.spec.connection import ConnectionSpec
from mspass_stack.spec.resources import GuestSpec

SEEN = 'set -- ${SSH_CONNECTION:-${SSH_CLIENT-}}; echo "${1-}"'
"""The address by which a host sees who has logged in (ssh(1), "ENVIRONMENT")."""

CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3).close()"


class Welcome(NamedTuple):
    """The address by which hosts connect to this machine; empty where that is of no use, and why."""

    address: str = ""
    why: str = ""


def welcome(guest: GuestSpec, connection: ConnectionSpec) -> Welcome:
    """Find out. Whatever goes wrong is an answer: clients in the cluster need none of it."""
    try:
        if why := _differs(guest):
            return Welcome(why=why)
        address = _seen_by(machine(connection))
    except (OSError, EOFError, StackError) as error:
        return Welcome(why=str(error).splitlines()[0] if str(error) else type(error).__name__)
    return Welcome(address) if address else Welcome(why=f"host '{guest.host}' does not reach this machine")


def is_own(address: str) -> bool:
    """Return whether this machine has an address still."""
    try:
        _listen(address).close()
    except OSError:
        return False
    return True


def _differs(guest: GuestSpec) -> str:
    """Return what the Python here has not, or has of another release than the host."""
    agent = LocalMachine().agent
    names = [name for name in guest.releases if name != "python"]
    found = agent.call("versions", python=sys.executable, distributions=names)
    own = {"python": found["python"], **found["distributions"]}
    for name, there in guest.releases.items():
        if own[name] != there:
            return f"{name} is {own[name] or 'not here'}, and {there} on host '{guest.host}'"
    lacks = agent.call("modules", python=sys.executable, names=guest.modules)
    return f"{sys.executable} lacks {lacks[0]}" if lacks else ""


def _seen_by(host: Machine) -> str:
    """Return the address by which a host has connected to this machine; empty where it cannot."""
    address = host.run(["/bin/sh", "-c", SEEN]).stdout.strip()
    if not address or not is_own(address):  # behind a jump host it is that one's
        return ""
    with _listen(address) as server:
        python = str(host.agent.call("own_python"))
        ran = host.run([python, "-I", "-c", CONNECT, address, str(server.getsockname()[1])])
        # It may have an address of that name of its own.
        server.setblocking(False)
        with suppress(BlockingIOError):
            server.accept()[0].close()
            return "" if ran.status else address
    return ""


def _listen(address: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.create_server((address, 0), family=family)
