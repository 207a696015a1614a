"""`SlurmAllocation`: the job that gives a stack its hosts, and all that it has to find when it starts."""

from typing import TYPE_CHECKING

import pulumi

from mspass_stack.components import resources
from mspass_stack.components.nodes import HostedNodes
from mspass_stack.components.reverse import reverse_access, reverse_programs
from mspass_stack.components.turns import turn_of
from mspass_stack.roles.registry import role_of
from mspass_stack.spec.topology import FIRST_NODE

if TYPE_CHECKING:
    from mspass_stack.components.foundation import Foundation


class SlurmAllocation(pulumi.ComponentResource):
    """A Slurm job: its programs are written first, so that one that starts at once finds everything.

    Attributes:
        resource: its nodes, once it runs.
        image: that of all its containers, pinned.
        batch: what it runs by itself; None where that is nothing.
        reverse: where login hosts lead to it; None where it dials out to none.
        together: the processes that are one resource, by the kind of their role.
    """

    def __init__(self, name: str, foundation: "Foundation", opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mspass:index:SlurmAllocation", name, None, opts)
        topology = foundation.topology
        assert topology.job
        first = next(iter(topology.hosts.values()))
        known = {"connection": first.connection.sibling(FIRST_NODE), "stack_dir": first.stack_dir}
        files = foundation.files[first.name]
        image = resources.ApptainerImage(
            "image",
            foundation.of_stack({**known, "image": first.image, "asked": topology.job}),
            pulumi.ResourceOptions(parent=self, depends_on=[files]),
        )
        self.image = image.pinned
        # A program that is written while a job runs is started at once.
        there: list[pulumi.Resource] = [files, image]
        programs: dict[str, pulumi.Resource] = {}
        alone = [process for process in topology.processes if not role_of(process).alike]
        for process in alone:
            spec, host = foundation.render(process), topology.hosts[process.host]
            digest = foundation.digest_of(process, spec)
            inputs = foundation.of_stack({"connection": host.connection, "process": spec, "digest": digest})
            after = [*there, *turn_of(foundation, process, digest, self, there, programs)]
            options = pulumi.ResourceOptions(parent=self, depends_on=after)
            programs[process.name] = resources.HostProcess(process.key, inputs, options)
        self.together: dict[str, HostedNodes] = {}
        for kind in dict.fromkeys(process.kind for process in topology.processes if process not in alone):
            processes = topology.of(kind)
            nodes = self.together[kind] = HostedNodes(foundation, processes)
            # What they are drained by is there again when it restarts too.
            earlier = [programs[name] for name in processes[0].after if name in programs]
            programs[kind] = nodes.write(self, [*there, *earlier])
        programs |= reverse_programs(foundation, self, there)
        job = resources.SlurmJob(
            "job",
            foundation.of_stack({**known, "asked": topology.job, **_by_itself(foundation)}),
            pulumi.ResourceOptions(parent=self, depends_on=list(programs.values())),
        )
        self.resource = resources.Allocation(
            "nodes",
            foundation.of_stack({**known, "job": job.job, "queue_wait": topology.job.queue_wait}),
            pulumi.ResourceOptions(parent=self, depends_on=[job]),
        )
        self.reverse = reverse_access(foundation, known, self.resource, self)
        self.batch: resources.Batch | None = None
        if batch := foundation.plan.batch:
            self.batch = resources.Batch(
                "batch",
                foundation.of_stack({**known, "run": batch.id, "job": self.resource.incarnation}),
                pulumi.ResourceOptions(parent=self, depends_on=[self.resource]),
            )
        self.register_outputs({})


def _by_itself(foundation: "Foundation") -> dict[str, object]:
    """Return what the job does by itself."""
    plan = foundation.plan
    known: dict[str, object] = {"preparation": list(plan.preparation())}
    return known | ({"batch": plan.batch, "batch_source": plan.batch_source} if plan.batch else {})
