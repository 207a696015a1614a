"""Where the logs of a stack's processes are, by its state: also of a stack whose first `up` has failed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mspass_stack.provider.codec import Props
from mspass_stack.provider.image import engine_of
from mspass_stack.provider.supervisor import last_lines
from mspass_stack.rendered import Home, RenderedProcess

KEPT_UP_BY = ("mspassnode:index:HostProcess", "mspassnode:index:Ready")
"""The resources that name a process: what runs it, and its gate, which says where its container is."""


@dataclass(frozen=True)
class Log:
    """The log of one process, by the inputs of a resource that names it."""

    process: RenderedProcess
    inputs: Props

    def tail(self, lines: int) -> str:
        """Its last lines.

        Raises:
            EngineError, OSError: it cannot be read.
        """
        if self.process.container:
            return engine_of(self.inputs).tail(self.process.container, lines)
        return last_lines(Path(Home(self.process.home).log_of(self.process.name)), lines)


def logs(resources: Iterable[Mapping[str, Any]]) -> dict[str, Log]:
    """The logs by process, in the order of starting.

    Args:
        resources: of the state, as `pulumi stack export` shows them.
    """
    found: dict[str, Log] = {}
    for resource in resources:
        if resource["type"] in KEPT_UP_BY:
            process = RenderedProcess.model_validate(resource["inputs"]["process"])
            found[process.name] = Log(process, resource["inputs"])
    return dict(sorted(found.items(), key=lambda entry: entry[1].process.order))
