"""`HostedProcess`: one process of the plan and its gate."""

import os
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import pulumi

from mspass_stack import resources, runtimes
from mspass_stack.components.site import Site
from mspass_stack.inventory import Entry
from mspass_stack.topology import Process

Declared: TypeAlias = tuple[pulumi.CustomResource, pulumi.Output[str]]
"""What runs a process, and what says that it is another one now."""


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
        self.process, self._site = process, site
        home = str(site.layout.root)
        self.rendered = runtimes.render(process, topology, home, site.workdir, site.python, site.engine)
        docker = process.runtime == "docker"
        # Edges go to every process before it, not through gates: a refresh that drops a dead process drops its edges.
        before: list[pulumi.Resource] = [site.files[process.host], *(other.resource for other in after)]
        self.resource, run = (self._contained if docker else self._supervised)(before, owner)
        self.ready = resources.Ready(
            f"ready-{self._key}",
            stack=topology.stack,
            stack_id=site.stack_id,
            process=self.rendered,
            incarnations=[run, *(other.incarnation for other in unsettled_by)],
            opts=pulumi.ResourceOptions(parent=owner, depends_on=[self.resource]),
        )
        # Docker's provider knows a container, not which run of it this is: the gate looks.
        self.incarnation = self.ready.incarnation if docker else run
        self._log = site.layout.log_of(process.name)
        self._asked = (
            topology.cluster.pool.workers[process.host] if topology.cluster.pool and process.kind == "worker" else None
        )
        self._count = topology.worker_processes.get(process.host, 0) if self._asked else 0

    @property
    def _key(self) -> str:
        return f"{self.process.name}@{self.process.host}"

    def _supervised(self, before: Sequence[pulumi.Resource], owner: pulumi.Resource) -> Declared:
        process = resources.HostProcess(
            self._key,
            stack=self._site.topology.stack,
            stack_id=self._site.stack_id,
            process=self.rendered,
            secrets=self._site.digests(self.process.host, *self.rendered.reads),
            opts=pulumi.ResourceOptions(parent=owner, depends_on=before),
        )
        return process, process.incarnation

    def _contained(self, before: Sequence[pulumi.Resource], owner: pulumi.Resource) -> Declared:
        user = f"{os.getuid()}:{os.getgid()}"
        container = self._site.containers[self.process.host].run(
            self.rendered,
            runtimes.contain(self.rendered, self._site.topology, user),
            self._site.digests(self.process.host, *self.rendered.reads),
            before,
            owner,
        )
        return container, container.id

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
