"""`HostedProcess`: one process of the plan and its gate."""

import os
from collections.abc import Mapping, Sequence

import pulumi

from mspass_stack import resources, runtimes
from mspass_stack.components.site import Site
from mspass_stack.inventory import Entry
from mspass_stack.topology import Process


class HostedProcess:
    """A process and the gate that opens when it does its job.

    Args:
        owner: the component that it belongs to.
        after: processes that are stopped later than this one.
        unsettled_by: processes whose restart this one has to recover from, so that its gate probes again.
    """

    def __init__(
        self,
        site: Site,
        process: Process,
        owner: pulumi.ComponentResource,
        after: Sequence["HostedProcess"] = (),
        unsettled_by: Sequence["HostedProcess"] = (),
    ) -> None:
        topology = site.topology
        self.process = process
        self.rendered = runtimes.render(
            process, topology, str(site.layout.root), site.workdir, site.python, site.engine
        )
        key = f"{process.name}@{process.host}"
        digests = site.digests(process.host, *self.rendered.reads)
        # Edges go to every process before it, not through gates: a refresh that drops a dead process drops its edges.
        before = [other.resource for other in after]
        if process.runtime == "docker":
            contained = runtimes.contain(self.rendered, topology, f"{os.getuid()}:{os.getgid()}")
            self.resource = site.containers[process.host].run(
                self.rendered, contained, digests, [site.files[process.host], *before], owner
            )
            run, native = self.resource.id, None
        else:
            self.resource = resources.HostProcess(
                key,
                stack=topology.stack,
                stack_id=site.stack_id,
                process=self.rendered,
                secrets=digests,
                opts=pulumi.ResourceOptions(parent=owner, depends_on=[site.files[process.host], *before]),
            )
            run = native = self.resource.incarnation
        self.ready = resources.Ready(
            f"ready-{key}",
            stack=topology.stack,
            stack_id=site.stack_id,
            process=self.rendered,
            incarnations=[run, *(other.incarnation for other in unsettled_by)],
            opts=pulumi.ResourceOptions(parent=owner, depends_on=[self.resource]),
        )
        # Docker's provider knows a container, not which run of it this is: the gate looks.
        self.incarnation = native or self.ready.incarnation
        self._log = site.layout.log_of(process.name)
        self._asked = (
            topology.cluster.pool.workers[process.host] if topology.cluster.pool and process.kind == "worker" else None
        )
        self._count = topology.worker_processes.get(process.host, 0) if self._asked else 0

    def entry(self, incarnation: str, images: Mapping[str, str]) -> Entry:
        """Its line of the inventory.

        Args:
            images: what containers are made of, by host.
        """
        process, asked = self.process, self._asked
        return Entry(
            name=process.name,
            role=process.role,
            host=process.host,
            runtime=process.runtime,
            address=process.address,
            endpoint=process.endpoint.for_user() if process.endpoint else "",
            argv=list(self.rendered.argv),
            ports=list(process.ports.values()),
            workers=self._count,
            threads=asked.threads if asked else 0,
            memory=(asked.memory or 0) if asked else 0,
            incarnation=incarnation,
            log="" if self.rendered.container else str(self._log),
            container=self.rendered.container,
            engine=self.rendered.engine,
            image=images.get(process.host, ""),
            probe=self.rendered.probe,
        )
