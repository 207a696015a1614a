"""Processes drained before they are stopped: workers are retired through their scheduler, no result is lost."""

from importlib.resources import files

from mspass_stack.agent.programs import words_of
from mspass_stack.errors import StackError
from mspass_stack.managers import manager_of
from mspass_stack.provider.resources.base import Call
from mspass_stack.spec.connection import ConnectionSpec
from mspass_stack.spec.resources import DrainSpec

SECONDS = 120
"""For what is held to go to others."""


def drain(asked: DrainSpec, connection: ConnectionSpec, name: str, call: Call) -> None:
    """Do what goes before the stop of a process; another that is gone has nothing to lose.

    It is done by the other's own Python: another version of Dask could not talk to it.

    Args:
        connection: how the other's host is reached.
        name: of the process that is going to be stopped.
    """
    call.say("status", "draining")
    other = manager_of(asked.manager, connection, asked.stack_dir, call.inputs["stackId"])
    program = files("mspass_stack.agent").joinpath(asked.program).read_text()
    try:
        ended = other.execute(asked.process, words_of(asked.python, program, *asked.words), SECONDS)
        status, output = ended.status, ended.output
    except StackError as error:
        status, output = 1, str(error)
    if status:
        call.say("warning", f"{name}: not drained, what it holds is computed again: {output.strip()[-300:]}")
