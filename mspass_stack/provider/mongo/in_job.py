"""A database that the job of its servers prepares: what the plugin asks for there, and reads."""

import json
from collections.abc import Sequence
from typing import Any

from mspass_stack.agent.preparation import ANSWER, STEP
from mspass_stack.errors import Refused
from mspass_stack.machines import machine, slurm_node
from mspass_stack.mongo.replica_set import SYNC_TIMEOUT
from mspass_stack.polling import wait_until
from mspass_stack.provider.resources.base import Call
from mspass_stack.provider.resources.rest import or_rest
from mspass_stack.provider.server.codec import Props
from mspass_stack.spec.connection import ConnectionSpec
from mspass_stack.spec.topology import FIRST_NODE

PAUSE = 0.3
"""Seconds between two looks at what the job says."""


def is_over(connection: ConnectionSpec) -> bool:
    """Return whether the servers of a database have no job to run in: then there is nobody to be asked."""
    return bool(connection.job) and not slurm_node(connection.sibling(FIRST_NODE)).allocation()


def prepare(connection: ConnectionSpec, call: Call, anew: bool, leaving: Sequence[str] = ()) -> Props:
    """Have the job prepare its database; return what it found then, or had found where it is done with.

    Args:
        connection: of a node.
        anew: whether what the job did by itself when it started is not enough.
        leaving: shards that are drained after this.

    Raises:
        Refused: it could not, in its own words.
        Unreachable: the job is over.
    """
    return or_rest(connection, lambda: _prepared(connection, call, anew, leaving), lambda: _last_found(connection))


def _last_found(connection: ConnectionSpec) -> Props:
    known = json.loads(machine(connection).read(f"{connection.job}/run/{STEP}/{ANSWER}"))
    return Props(known.get("found") or {})


def _prepared(connection: ConnectionSpec, call: Call, anew: bool, leaving: Sequence[str]) -> Props:
    agent = machine(connection.sibling(FIRST_NODE)).agent
    last = ""

    def ask(anew: bool) -> int:
        return agent.call("ask_preparation", directory=connection.job, leaving=list(leaving), anew=anew)

    number = ask(anew)

    def answered() -> dict[str, Any] | None:
        nonlocal last, number
        found = agent.call("preparation", directory=connection.job)
        if found["said"] != last:
            last = found["said"]
            call.say("status", last)
        if not found["answer"] or found["answer"]["number"] < number:
            return None
        if found["is_stale"]:
            number = ask(anew=True)
            return None
        return found["answer"]

    answer = wait_until(answered, SYNC_TIMEOUT, PAUSE)
    if answer is None or answer["error"]:
        raise Refused(answer["error"] if answer else f"its job has not prepared it: {last}")
    return Props(answer["found"])
