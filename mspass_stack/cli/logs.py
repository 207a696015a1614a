"""Where the logs of a stack's processes are, by its state: also of a stack whose first `up` has failed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mspass_stack.managers import manager_of
from mspass_stack.spec.connection import ConnectionSpec
from mspass_stack.spec.process import ProcessSpec, parse_process

WITH_PROCESS = ("mspassnode:index:HostProcess", "mspassnode:index:Ready")
"""The resources that name a process: what runs it, and its readiness check."""


@dataclass(frozen=True)
class Log:
    """The log of one process, by the inputs of a resource that names it."""

    process: ProcessSpec
    connection: ConnectionSpec
    stack_id: str

    def tail(self, lines: int) -> str:
        """Return its last lines.

        Raises:
            StackError: it cannot be read.
        """
        process, connection = self.process, self.connection
        manager = manager_of(process.manager, connection, process.stack_dir, self.stack_id)
        return manager.log_tail(process.managed_name, lines)


def logs(resources: Iterable[Mapping[str, Any]]) -> dict[str, Log]:
    """Return the logs by process, in the order of starting.

    Args:
        resources: of the state, as `pulumi stack export` shows them.
    """
    found: dict[str, Log] = {}
    for resource in resources:
        if resource["type"] in WITH_PROCESS:
            inputs = resource["inputs"]
            process = parse_process(inputs["process"])
            connection = ConnectionSpec.model_validate(inputs["connection"])
            found[process.name] = Log(process, connection, inputs["stackId"])
    return dict(sorted(found.items(), key=lambda entry: entry[1].process.order))
