"""`HostedProcess`: one process of the plan and its readiness check."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import pulumi

from mspass_stack.components import resources
from mspass_stack.components.drained import drained
from mspass_stack.components.entry import entry_of
from mspass_stack.components.foundation import Foundation
from mspass_stack.components.staged import staged
from mspass_stack.components.turns import turn_of
from mspass_stack.spec.inventory import Entry
from mspass_stack.spec.process import (
    ContainedProcess,
    ProcessSpec,
    SlurmProcess,
    SupervisedContainer,
    SupervisedProcess,
)
from mspass_stack.spec.topology import Process


class HostedProcess:
    """A process and the check that it does its job.

    Args:
        owner: the component that it belongs to.
        after: those that are stopped later than this one.
        before: whatever else must be done before it starts.

    Attributes:
        resource: what runs it; `started` says which run of it this is, as far as that resource knows.
        ready: its readiness check; `incarnation` is the run that it has seen, `seen` all that it has. These from
            `check_readiness` on.
    """

    ready: resources.Ready
    incarnation: pulumi.Output[str]
    seen: pulumi.Output[Any]

    def __init__(
        self,
        foundation: Foundation,
        process: Process,
        owner: pulumi.ComponentResource,
        after: Sequence["Hosted"] = (),
        before: Sequence[pulumi.Resource] = (),
    ) -> None:
        self.process, self._foundation, self._owner = process, foundation, owner
        after = [*after, *(other for other in unowned_before(foundation, process.order) if other not in after)]
        self.spec = spec = foundation.render(process)
        self._digest = foundation.digest_of(process, spec)
        self._drain, self._drain_connection = drained(foundation, process)
        self._authority = foundation.authority_of(process)
        # Edges go to every process before it, not through checks: a refresh that drops a dead process drops its edges.
        files = foundation.files[process.host]
        image = [made_of] if (made_of := foundation.made_of.get(process.host)) else []
        edges: list[pulumi.Resource] = [files, *image, *(other.resource for other in after), *before]
        edges += staged(foundation, process, owner)
        if not foundation.allocation:  # there the programs have taken their turns before the job was asked for
            earlier = {name: hosted.resource for name, hosted in foundation.hosted.items()}
            edges += turn_of(foundation, process, self._digest, owner, edges, earlier)
        self.resource, self.started = _DECLARE[type(spec)](self, edges)
        foundation.hosted[process.name] = self

    def check_readiness(
        self, unsettled_by: Sequence["HostedProcess"] = (), after: Sequence[pulumi.Resource] = ()
    ) -> "HostedProcess":
        """Declare the check.

        Args:
            unsettled_by: processes whose restart this one has to recover from, so that it is probed again.
            after: what must be done before it can be ready.
        """
        hosts = self._foundation.topology.hosts
        self.ready = resources.Ready(
            f"ready-{self.process.key}",
            self._of_stack(
                process=self.spec,
                connection=hosts[self.process.host].connection,
                probe_connection=hosts[self.spec.probe.host].connection,
                incarnations=[self.started, *(other.incarnation for other in unsettled_by)],
                authority=self._authority,
                drain=self._drain,
                drain_connection=self._drain_connection,
            ),
            pulumi.ResourceOptions(parent=self._owner, depends_on=[self.resource, *after]),
        )
        self.incarnation = self.ready.incarnation
        self.seen = pulumi.Output.all(self.incarnation, self.ready.size, self.ready.way)
        return self

    @property
    def is_unowned(self) -> bool:
        """Whether its role has no component."""
        return self._owner is self._foundation

    def _of_stack(self, **inputs: object) -> dict[str, object]:
        return {"stack": self._foundation.topology.stack, "stack_id": self._foundation.stack_id, **inputs}

    def supervise(self, edges: Sequence[pulumi.Resource]) -> tuple[pulumi.CustomResource, pulumi.Output[str]]:
        """Declare it for the supervisord of its host."""
        connection = self._foundation.topology.hosts[self.process.host].connection
        process = resources.HostProcess(
            self.process.key,
            self._of_stack(connection=connection, process=self.spec, digest=self._digest),
            pulumi.ResourceOptions(parent=self._owner, depends_on=list(edges)),
        )
        return process, process.incarnation

    def submit(self, edges: Sequence[pulumi.Resource]) -> tuple[pulumi.CustomResource, pulumi.Output[str]]:
        """Return the job by which it runs: its program is there before that."""
        allocation = self._foundation.allocation
        assert allocation
        known = pulumi.Output.all(allocation.resource.incarnation, self._digest)
        return allocation.resource, known.apply("/".join)

    def contain(self, edges: Sequence[pulumi.Resource]) -> tuple[pulumi.CustomResource, pulumi.Output[str]]:
        """Declare it for the Docker engine of its host."""
        host, spec = self.process.host, self.spec
        assert isinstance(spec, ContainedProcess)
        user = self._foundation.files[host].user
        container = self._foundation.docker[host].run(spec, user, self._digest, edges, self._owner)
        # Docker's provider knows a container, not which run of it this is: the check looks.
        return container, container.id

    def entries(self, seen: Sequence[Any], images: Mapping[str, str]) -> list[Entry]:
        """Return its line of the inventory.

        Args:
            seen: by the check: which run of it, and what its node has given it, where that is not in the plan.
            images: what containers are made of, by host.
        """
        incarnation, size, way = seen
        return [entry_of(self._foundation.plan, self.process, self.spec, incarnation, images, size, way or "")]


class Hosted(Protocol):
    """What is hosted, one process or many alike."""

    @property
    def resource(self) -> pulumi.CustomResource: ...

    @property
    def ready(self) -> pulumi.CustomResource: ...

    @property
    def seen(self) -> pulumi.Output[Any]: ...

    def entries(self, seen: Sequence[Any], images: Mapping[str, str]) -> list[Entry]: ...


def unowned_before(foundation: Foundation, order: float) -> list[HostedProcess]:
    """Return the processes of roles without a component that are stopped later than an order; declare what is not."""
    while foundation.unowned and foundation.unowned[0].order < order:
        process = foundation.unowned.pop(0)
        after = [other for name, other in foundation.hosted.items() if name in process.after]
        HostedProcess(foundation, process, foundation, after).check_readiness()
    earlier = {hosted for hosted in foundation.hosted.values() if hosted.is_unowned and hosted.process.order < order}
    return sorted(earlier, key=lambda hosted: hosted.process.name)


_Declared = tuple[pulumi.CustomResource, pulumi.Output[str]]

_DECLARE: dict[type[ProcessSpec], Callable[[HostedProcess, Sequence[pulumi.Resource]], _Declared]] = {
    SupervisedProcess: HostedProcess.supervise,
    SupervisedContainer: HostedProcess.supervise,
    ContainedProcess: HostedProcess.contain,
    SlurmProcess: HostedProcess.submit,
}
"""Which resource makes a process true, by what it was rendered as."""
