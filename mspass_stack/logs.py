"""Where the logs of a stack's processes are, by its state: also of a stack whose first `up` has failed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mspass_stack.engine import Engine
from mspass_stack.rendered import Home, Reach, RenderedProcess

KEPT_UP_BY = ("mspassnode:index:HostProcess", "mspassnode:index:Ready")
"""The resources that name a process: what runs it, and its gate, which says where its container is."""


@dataclass(frozen=True)
class Log:
    """The log of one process."""

    process: RenderedProcess
    engine: str
    reach: Reach

    def tail(self, lines: int) -> str:
        """Its last lines.

        Raises:
            EngineError, OSError: it cannot be read.
        """
        if self.process.container:
            return Engine(self.engine, self.reach).tail(self.process.container, lines)
        text = Path(Home(self.process.home).log_of(self.process.name)).read_text(errors="replace")
        return "\n".join(text.splitlines()[-lines:])


def logs(resources: Iterable[Mapping[str, Any]]) -> dict[str, Log]:
    """The logs by process, in the order of starting.

    Args:
        resources: of the state, as `pulumi stack export` shows them.
    """
    found: dict[str, Log] = {}
    for resource in resources:
        if resource["type"] in KEPT_UP_BY:
            inputs = resource["inputs"]
            process = RenderedProcess.model_validate(inputs["process"])
            reach = Reach.model_validate(inputs.get("reach", {}))
            found[process.name] = Log(process, inputs.get("engine", ""), reach)
    return dict(sorted(found.items(), key=lambda entry: entry[1].process.order))
