"""`HostedProcess`: one process of the plan and its gate."""

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
        before: whatever else must be done before it starts.

    Attributes:
        resource: what runs it; `run` says which run of it this is, as far as that resource knows.
        ready: its gate; `incarnation` is the run that it has seen. Both from `open_gate` on.
    """

    ready: resources.Ready
    incarnation: pulumi.Output[str]

    def __init__(
        self,
        site: Site,
        process: Process,
        owner: pulumi.ComponentResource,
        after: Sequence["HostedProcess"] = (),
        before: Sequence[pulumi.Resource] = (),
    ) -> None:
        self.process, self._site, self._owner = process, site, owner
        self.rendered = runtimes.render(process, site.topology, str(site.layout.root), site.workdir, site.python)
        self._contained = process.runtime == "docker"
        self._digests = site.digests(process.host, *self.rendered.reads)
        # Edges go to every process before it, not through gates: a refresh that drops a dead process drops its edges.
        edges: list[pulumi.Resource] = [site.files[process.host], *(other.resource for other in after), *before]
        self.resource, self.run = self._container(edges) if self._contained else self._supervised(edges)
        self._asked = (
            site.topology.cluster.pool.workers[process.host]
            if site.topology.cluster.pool and process.kind == "worker"
            else None
        )

    def open_gate(
        self, unsettled_by: Sequence["HostedProcess"] = (), after: Sequence[pulumi.Resource] = ()
    ) -> "HostedProcess":
        """Declare the gate.

        Args:
            unsettled_by: processes whose restart this one has to recover from, so that its gate probes again.
            after: what must be done before it can be ready.
        """
        site, reaches = self._site, self._site.reaches
        self.ready = resources.Ready(
            f"ready-{self._key}",
            stack=site.topology.stack,
            stack_id=site.stack_id,
            process=self.rendered,
            engine=site.engine,
            reach=reaches[self.process.host],
            probe_reach=reaches[self.rendered.probe.host],
            incarnations=[self.run, *(other.incarnation for other in unsettled_by)],
            scheduler=self._scheduler,
            opts=pulumi.ResourceOptions(parent=self._owner, depends_on=[self.resource, *after]),
        )
        # Docker's provider knows a container, not which run of it this is: the gate looks.
        self.incarnation = self.ready.incarnation if self._contained else self.run
        return self

    @property
    def _key(self) -> str:
        return f"{self.process.name}@{self.process.host}"

    @property
    def _scheduler(self) -> dict[str, str]:
        """Where a worker in a container is retired."""
        scheduler, stack = self._site.topology.one("scheduler"), self._site.topology.stack
        if self.process.kind != "worker" or not self._contained or scheduler is None or scheduler.endpoint is None:
            return {}
        return {
            "container": runtimes.container_name(stack, scheduler.name),
            "address": scheduler.endpoint.for_peers(),
            "python": self._site.python,
        }

    def _supervised(self, edges: Sequence[pulumi.Resource]) -> tuple[pulumi.CustomResource, pulumi.Output[str]]:
        process = resources.HostProcess(
            self._key,
            stack=self._site.topology.stack,
            stack_id=self._site.stack_id,
            process=self.rendered,
            secrets=self._digests,
            opts=pulumi.ResourceOptions(parent=self._owner, depends_on=edges),
        )
        return process, process.incarnation

    def _container(self, edges: Sequence[pulumi.Resource]) -> tuple[pulumi.CustomResource, pulumi.Output[str]]:
        site, host = self._site, self.process.host
        ground = site.containers[host]
        digest = ground.digest(self.rendered, self._digests)
        if scheduler := self._scheduler:
            reach = site.reaches[self.rendered.probe.host]
            retirement = resources.Retirement(
                f"retirement-{self._key}",
                stack=site.topology.stack,
                worker=self.process.name,
                digest=digest,
                scheduler=scheduler,
                engine=site.engine,
                reach=reach,
                opts=pulumi.ResourceOptions(parent=self._owner, depends_on=edges),
            )
            edges = [*edges, retirement]
        contained = runtimes.contain(self.rendered, site.topology)
        container = ground.run(self.rendered, contained, site.files[host].user, digest, edges, self._owner)
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
            workers=self._site.topology.worker_processes[process.host] if asked else 0,
            threads=asked.threads if asked else 0,
            memory=(asked.memory or 0) if asked else 0,
            incarnation=incarnation,
            log="" if self._contained else str(self._site.layout.log_of(process.name)),
            container=self.rendered.container,
            engine=self._site.engine if self._contained else "",
            image=images.get(process.host, ""),
            probe=self.rendered.probe,
        )
