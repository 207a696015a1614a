"""`HostedNodes`: the processes of a role on the nodes of a job, as one resource with one readiness check."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pulumi

from mspass_stack.components import resources
from mspass_stack.components.drained import drained
from mspass_stack.components.entry import entry_of
from mspass_stack.components.reads import read_of
from mspass_stack.spec.alike import alike
from mspass_stack.spec.connection import ConnectionSpec
from mspass_stack.spec.inventory import Entry
from mspass_stack.spec.process import SlurmProcess
from mspass_stack.spec.topology import FIRST_NODE, Process

if TYPE_CHECKING:
    from mspass_stack.components.foundation import Foundation
    from mspass_stack.components.host import HostedProcess


class HostedNodes:
    """Processes that differ in little but their hosts: thousands of them are as much to Pulumi as one.

    Attributes:
        programs: what has them ready for the job, from `write` on.
        resource: the job by which they run.
        ready: their readiness check, from `check_readiness` on.
        seen: what that has seen of them, likewise.
    """

    programs: resources.NodeProcesses
    resource: pulumi.CustomResource
    ready: resources.NodesReady
    seen: pulumi.Output[Any]

    def __init__(self, foundation: "Foundation", processes: Sequence[Process]) -> None:
        self._foundation, self._processes = foundation, processes
        plan = foundation.plan
        self._specs: dict[str, SlurmProcess] = {}
        self._drain_connection: ConnectionSpec | None = None
        known: list[Any] = []
        for process in processes:
            spec = foundation.render(process)
            assert isinstance(spec, SlurmProcess)
            spec = self._specs[process.host] = spec.model_copy(update={"together": True})
            drain, self._drain_connection = drained(foundation, process)
            known.append((spec, drain))
        self._alike = alike(known)
        first = plan.topology.hosts[processes[0].host].connection
        self._connection = first.sibling(FIRST_NODE)
        specs = self._specs
        files = foundation.files[processes[0].host].digests
        self._digests = pulumi.Output.all(files, foundation.stack_id).apply(
            lambda at: {host: spec.digest(read_of(at[0], spec.reads), at[1]) for host, spec in specs.items()}
        )

    def write(self, owner: pulumi.Resource, after: Sequence[pulumi.Resource]) -> resources.NodeProcesses:
        """Declare their programs, which are there before the job."""
        self.programs = resources.NodeProcesses(
            self._processes[0].kind,
            self._foundation.of_stack(
                {
                    "connection": self._connection,
                    "processes": self._alike,
                    "digests": self._digests,
                    "drain_connection": self._drain_connection,
                }
            ),
            pulumi.ResourceOptions(parent=owner, depends_on=list(after)),
        )
        return self.programs

    def check_readiness(self, owner: pulumi.Resource, unsettled_by: "Sequence[HostedProcess]" = ()) -> "HostedNodes":
        """Declare the check.

        Args:
            owner: the component that they belong to.
            unsettled_by: processes whose restart these have to recover from, so that they are probed again.
        """
        foundation, first = self._foundation, self._processes[0]
        allocation = foundation.allocation
        assert allocation
        self.resource = allocation.resource
        known = pulumi.Output.all(allocation.resource.incarnation, self._digests, self.programs.revision)
        started = known.apply(lambda known: f"{known[0]}/{_digest(known[1:])}")
        prober = foundation.topology.hosts[self._specs[first.host].probe.host]
        self.ready = resources.NodesReady(
            f"ready-{first.kind}",
            foundation.of_stack(
                {
                    "connection": self._connection,
                    "probe_connection": prober.connection,
                    "processes": self._alike,
                    "incarnations": [started, *(other.incarnation for other in unsettled_by)],
                    "authority": foundation.authority_of(first),
                }
            ),
            pulumi.ResourceOptions(parent=owner, depends_on=[self.resource]),
        )
        self.seen = pulumi.Output.all(self.ready.runs, self.ready.sizes)
        return self

    def entries(self, seen: Sequence[Any], images: Mapping[str, str]) -> list[Entry]:
        """Return their lines of the inventory.

        Args:
            seen: by the check: which run of each, and what its node has given it, by host.
            images: what containers are made of, by host.
        """
        runs, sizes = seen
        plan, specs = self._foundation.plan, self._specs
        return [
            entry_of(plan, process, specs[process.host], runs[process.host], images, sizes.get(process.host))
            for process in self._processes
        ]


def _digest(known: object) -> str:
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:16]
