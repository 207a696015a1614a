"""Have a host bring what its workers want, or their results back, and say how far it is."""

from collections.abc import Callable
from typing import Any

from mspass_stack.errors import Refused
from mspass_stack.machines import machine
from mspass_stack.spec.connection import ConnectionSpec

LOOK = 2.0
"""Seconds between two words of how far it is."""


def stage(
    connection: ConnectionSpec, directory: str, what: str, spec: dict[str, Any], say: Callable[[str], object]
) -> dict[str, Any]:
    """Do it to its end; whoever is interrupted goes on later where it was.

    Args:
        directory: of the stack.
        what: `begin`, `in`, `out` or `end` (`agent.stage_calls`).
        spec: what is wanted; where that is nothing, what is known there.
        say: takes words of how far it is.

    Raises:
        Refused: it cannot be done, with the host.
    """
    agent = machine(connection).agent
    try:
        agent.call("stage_start", directory=directory, host=connection.host, what=what, spec=spec)
        while True:
            found = agent.call("stage_follow", directory=directory, seconds=LOOK)
            if found["answer"] is not None:
                return dict(found["answer"])
            say(f"{found['done'] / 2**30:.2f} GiB copied")
    except Refused as refused:
        raise Refused(f"host '{connection.host}': {refused}") from None
