"""Know a stack whose job is over as was asked: its batch run has ended, and no other job is submitted for it."""

from collections.abc import Callable

from mspass_stack.agent.batch_run import BatchRun
from mspass_stack.errors import StackError
from mspass_stack.machines import slurm_node
from mspass_stack.machines.slurm import SlurmNode
from mspass_stack.polling import wait_until
from mspass_stack.provider.server.codec import Props
from mspass_stack.spec.connection import ConnectionSpec
from mspass_stack.spec.topology import FIRST_NODE

STOP = 900.0
"""Seconds for a job to stop in order."""

PAUSE = 1.0
"""Seconds between two looks at one that does."""


def batch_run(node: SlurmNode, run: str) -> BatchRun:
    """Return what is known of a batch run.

    Args:
        run: the run directory.
    """
    return BatchRun(node.read, run, node.allocation())


def rests(connection: ConnectionSpec) -> bool:
    """Return whether no job runs, and none is to run."""
    return _is_to_rest(connection) and not slurm_node(connection.sibling(FIRST_NODE)).allocation()


def or_rest(connection: ConnectionSpec, step: Callable[[], Props], at_rest: Callable[[], Props]) -> Props:
    """Take a step in the job of a stack; where that rests, or comes to rest meanwhile, there is nothing to be done.

    Args:
        at_rest: returns the outputs then.
    """
    if rests(connection):
        return at_rest()
    try:
        return step()
    except StackError:
        if _is_to_rest(connection) and wait_until(lambda: rests(connection), STOP, PAUSE):
            return at_rest()
        raise


def _is_to_rest(connection: ConnectionSpec) -> bool:
    if not connection.job:
        return False
    node = slurm_node(connection.sibling(FIRST_NODE))
    return batch_run(node, f"{connection.job}/run").ends_the_job
