"""What is done before a process is stopped."""

from typing import TYPE_CHECKING

from mspass_stack.roles.registry import role_of
from mspass_stack.spec.connection import ConnectionSpec
from mspass_stack.spec.resources import DrainSpec
from mspass_stack.spec.topology import Process

if TYPE_CHECKING:
    from mspass_stack.components.foundation import Foundation


def drained(foundation: "Foundation", process: Process) -> tuple[DrainSpec, ConnectionSpec] | tuple[None, None]:
    """Return what is done before a process is stopped, in the place of another one."""
    topology = foundation.topology
    drain = role_of(process).drain(process, foundation.plan.context(process.host))
    if drain is None:
        return None, None
    other = next(one for one in topology.processes if one.name == drain.process)
    spec, host = foundation.render(other), topology.hosts[other.host]
    asked = DrainSpec(
        manager=spec.manager,
        process=spec.managed_name,
        stack_dir=host.stack_dir,
        python=drain.python,
        program=drain.program,
        words=list(drain.words),
    )
    return asked, host.connection
