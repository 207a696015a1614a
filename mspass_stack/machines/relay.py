"""A connection to a port of a machine whose agent is all that is reached of it."""

import base64
from contextlib import suppress

from mspass_stack.errors import Refused, Unreachable
from mspass_stack.machines.base import Agent

WAIT = 20.0
"""Seconds that one question for bytes waits over there."""


class RelayChannel:
    """The byte stream of a connection that the agent of a machine has made.

    Raises:
        ConnectionRefusedError: nobody takes it there.
    """

    def __init__(self, agent: Agent, address: str, port: int) -> None:
        self._agent, self._ended = agent, False
        try:
            self._stream = int(agent.call("relay_open", address=address, port=port))
        except Refused as refused:
            raise ConnectionRefusedError(str(refused)) from None

    def recv(self, nbytes: int, /) -> bytes:
        while not self._ended:
            found = self._agent.call("relay_receive", stream=self._stream, seconds=WAIT)
            self._ended = found["ended"]
            if found["data"]:
                return base64.b64decode(found["data"])
        return b""

    def sendall(self, data: bytes, /) -> None:
        self._agent.call("relay_send", stream=self._stream, data=base64.b64encode(data).decode())

    def shutdown(self, how: int, /) -> None:
        self._agent.call("relay_send", stream=self._stream, data="")

    def close(self) -> None:
        self._ended = True
        with suppress(Unreachable):  # its job has ended: so has the stream
            self._agent.call("relay_close", stream=self._stream)
