"""Tell the address of a network interface: where nodes have several, the names of Slurm may lead to a slow one."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import struct
import subprocess
from collections.abc import Sequence

from . import slurm
from .errors import Refused

GET_ADDRESS = 0x8915
"""SIOCGIFADDR (netdevice(7))."""

LIMIT = 60.0
"""Seconds for all nodes to answer."""


def address_of(interface: str) -> str:
    """Return the IPv4 address of an interface of this machine.

    Raises:
        OSError: there is no such interface, or it has none.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("256s", interface.encode()[:15])
        return socket.inet_ntoa(fcntl.ioctl(any_socket.fileno(), GET_ADDRESS, request)[20:24])


def tell(interface: str) -> None:
    """Print it, with the node's name: the task of a step."""
    node = os.environ.get("SLURMD_NODENAME", "")
    try:
        slurm.tell({"node": node, "address": address_of(interface)})
    except OSError as error:
        slurm.tell({"node": node, "error": error.strerror})


def addresses(nodes: Sequence[str], interface: str, launcher: Sequence[str]) -> list[str]:
    """Return the addresses of an interface on some nodes, in their order.

    Raises:
        Refused: a node has none, or says nothing.
    """
    words = slurm.step_on_each(nodes, "mspass-interface", launcher, *slurm.own("interface", interface))
    try:
        ran = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT)
        said, errors = ran.stdout, ran.stderr.strip()
    except subprocess.TimeoutExpired:
        said, errors = "", f"no answer within {LIMIT:.0f} s"
    found = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    known = {one["node"]: one.get("address", "") for one in found}
    why = {one["node"]: one.get("error", "") for one in found}
    lacking = [f"{node} ({why.get(node) or errors})" for node in nodes if not known.get(node)]
    if lacking:
        raise Refused(f"no address of {interface}, the profile's address.interface, on {', '.join(lacking)}")
    return [known[node] for node in nodes]
