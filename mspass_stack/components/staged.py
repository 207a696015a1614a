"""What is brought to the hosts of workers before these start, where no job does that."""

from typing import TYPE_CHECKING

import pulumi

from mspass_stack.components import resources
from mspass_stack.roles.stage import stage_of
from mspass_stack.spec.topology import Process

if TYPE_CHECKING:
    from mspass_stack.components.foundation import Foundation


def staged(foundation: "Foundation", process: Process, owner: pulumi.Resource) -> list[pulumi.Resource]:
    """Declare what a process has on its host, which goes before it; nothing where it has no part in it."""
    context = foundation.plan.context(process.host)
    if (spec := stage_of(process, context)) is None or foundation.allocation:
        return []
    inputs = {"connection": context.host.connection, "stack_dir": context.host.stack_dir, "spec": spec}
    options = pulumi.ResourceOptions(parent=owner, depends_on=[foundation.files[process.host]])
    return [resources.Staged(f"staged@{process.host}", foundation.of_stack(inputs), options)]
