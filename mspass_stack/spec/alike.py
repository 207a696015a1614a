"""`Alike`: processes that differ in nothing but their host, written once."""

import json
import re
from collections.abc import Iterable, Iterator

from pydantic import Field

from mspass_stack.spec.process import SlurmProcess
from mspass_stack.spec.resources import DrainSpec, Inputs

HOST = "@host@"
"""Stands for the host."""


class Alike(Inputs):
    """Processes on nodes of a job that differ in nothing but their host."""

    process: SlurmProcess = Field(description=f"what is executed, with {HOST} for the host")
    drain: DrainSpec | None = Field(default=None, description=f"what is done before one is stopped, with {HOST} too")
    hosts: tuple[str, ...] = Field(description="the nodes that have one")

    def each(self) -> Iterator[tuple[SlurmProcess, DrainSpec | None]]:
        """Yield the processes as they are executed, each with what goes before its stop."""
        process, drain = self.process.model_dump_json(), self.drain and self.drain.model_dump_json()
        for host in self.hosts:
            own = SlurmProcess.model_validate_json(process.replace(HOST, host))
            yield own, DrainSpec.model_validate_json(drain.replace(HOST, host)) if drain else None


def alike(processes: Iterable[tuple[SlurmProcess, DrainSpec | None]]) -> list[Alike]:
    """Write processes down, those together that differ in nothing but their host."""
    hosts: dict[str, list[str]] = {}
    for process, drain in processes:
        text = json.dumps({"process": process.dump(), "drain": drain and drain.dump()})
        # Whatever else has the host's name in it is another text, and stands alone: nothing is taken for the host.
        hosts.setdefault(re.sub(rf"\b{process.host}\b", HOST, text), []).append(process.host)
    return [Alike.model_validate({**json.loads(text), "hosts": names}) for text, names in hosts.items()]
