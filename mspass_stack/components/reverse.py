"""The ways to Jupyter by login hosts to which a job dials out: a program for each, and a look at where they begin."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import pulumi

from mspass_stack.components import resources
from mspass_stack.spec.process import SlurmProcess

if TYPE_CHECKING:
    from mspass_stack.components.foundation import Foundation


def reverse_programs(
    foundation: "Foundation", owner: pulumi.Resource, after: Sequence[pulumi.Resource]
) -> dict[str, resources.HostProcess]:
    """Declare the programs, by name; they are there before the job, as all others."""
    topology, options = foundation.topology, pulumi.ResourceOptions(parent=owner, depends_on=list(after))
    return {
        process.name: resources.HostProcess(
            f"{process.name}@{process.host}",
            foundation.of_stack(
                {
                    "connection": topology.hosts[process.host].connection,
                    "process": process,
                    "digest": foundation.stack_id.apply(partial(_digest, process)),
                }
            ),
            options,
        )
        for process in foundation.plan.reverse()
    }


def reverse_access(
    foundation: "Foundation", known: Mapping[str, object], job: resources.Allocation, owner: pulumi.Resource
) -> resources.ReverseAccess | None:
    """Declare the look at them; None where the job dials out to nobody.

    Args:
        known: how the job is reached.
    """
    assert foundation.topology.job
    if not (logins := foundation.topology.job.reverse):
        return None
    inputs = foundation.of_stack({**known, "logins": list(logins), "job": job.incarnation})
    return resources.ReverseAccess("reverse", inputs, pulumi.ResourceOptions(parent=owner, depends_on=[job]))


def _digest(process: SlurmProcess, stack_id: str) -> str:
    return process.digest({}, stack_id)
