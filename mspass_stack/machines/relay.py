"""Streams of a machine whose agent is all that is reached of it: of a connection to a port, or of a command."""

import base64
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from mspass_stack.errors import Refused, Unreachable
from mspass_stack.machines.base import Agent

WAIT = 20.0
"""Seconds that one question for bytes waits over there."""


class RelayChannel:
    """A byte stream that the agent of a machine has opened there; its errors are those of sockets."""

    def __init__(self, agent: Agent, stream: int) -> None:
        self._agent, self._stream, self._ended = agent, stream, False

    def recv(self, nbytes: int, /) -> bytes:
        while not self._ended:
            found = self._call("relay_receive", seconds=WAIT)
            self._ended = found["ended"]
            if found["data"]:
                return base64.b64decode(found["data"])
        return b""

    def sendall(self, data: bytes, /) -> None:
        self._call("relay_send", data=base64.b64encode(data).decode())

    def shutdown(self, how: int, /) -> None:
        self._call("relay_send", data="")

    def close(self) -> None:
        self._ended = True
        with suppress(ConnectionError):  # it went with the agent
            self._call("relay_close")

    def _call(self, call: str, **arguments: Any) -> Any:
        try:
            return self._agent.call(call, stream=self._stream, **arguments)
        except Unreachable as error:
            raise ConnectionError(str(error)) from None


def connect(agent: Agent, address: str, port: int) -> RelayChannel:
    """Return the byte stream of a connection that the agent of a machine has made.

    Raises:
        ConnectionRefusedError: nobody takes it there.
    """
    try:
        return RelayChannel(agent, int(agent.call("relay_open", address=address, port=port)))
    except Refused as refused:
        raise ConnectionRefusedError(str(refused)) from None


def start_command(agent: Agent, argv: Sequence[str]) -> RelayChannel:
    """Return the byte stream of a command that the agent of a machine has started."""
    return RelayChannel(agent, int(agent.call("relay_start", argv=list(argv))))
