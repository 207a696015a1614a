"""The ways to a port of a node, tried one after the other until one is known to get through to the nodes of a job."""

import socket
from collections.abc import Callable, Mapping, Sequence

from mspass_stack.machines import relay
from mspass_stack.machines.base import Agent, Channel, Machine

DIRECT, SSH, RELAY = "direct", "ssh", "relay"
"""From this machine to the node, through the login host's connection, by the bytes of a step."""

DIRECT_TIMEOUT = 1.5
"""Seconds for a node to take a connection of this machine: most clusters let none in, and say nothing."""


class Ways:
    """The ways to the nodes of the jobs of one login host.

    Args:
        login: that host.

    Attributes:
        known: the way that got through; empty until one has.
    """

    def __init__(self, login: Machine) -> None:
        self._login = login
        self.known = ""

    def connect(self, asked: Sequence[str], agent: Agent, address: str, port: int) -> Channel:
        """Return a connection by the way that is known, else by the first that gets through.

        Args:
            asked: the ways to be tried, in their order.
            agent: of the node, by which bytes are relayed.
            address, port: as other nodes know them.

        Raises:
            OSError: there is none; what the last way said.
        """
        makers: Mapping[str, Callable[[], Channel]] = {
            DIRECT: lambda: socket.create_connection((address, port), DIRECT_TIMEOUT),
            SSH: lambda: self._login.connect(address, port),
            RELAY: lambda: relay.connect(agent, address, port),
        }
        error = OSError(f"no way leads to {address}:{port}")
        for way in [self.known] if self.known else asked:
            try:
                channel = makers[way]()
            except OSError as failure:
                error = failure
                continue
            if isinstance(channel, socket.socket):
                channel.settimeout(None)
            self.known = way
            return channel
        raise error
