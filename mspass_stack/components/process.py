"""`HostedProcess`: one process of the plan and its gate."""

from collections.abc import Sequence

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
        self.rendered = runtimes.render(process, topology, str(site.layout.root), site.workdir, site.python)
        self.log = str(site.layout.log_of(process.name))
        key = f"{process.name}@{process.host}"
        files = site.files[process.host]
        # Edges go to every process before it, not through gates: a refresh that drops a dead process drops its edges.
        before = [other.resource for other in after]
        self.resource = resources.HostProcess(
            key,
            stack=topology.stack,
            stack_id=site.stack_id,
            process=self.rendered,
            secrets=site.digests(process.host, *self._reads(site)),
            opts=pulumi.ResourceOptions(parent=owner, depends_on=[files, *before]),
        )
        self.ready = resources.Ready(
            f"ready-{key}",
            stack=topology.stack,
            stack_id=site.stack_id,
            process=self.rendered,
            incarnations=[self.resource.incarnation, *(other.resource.incarnation for other in unsettled_by)],
            opts=pulumi.ResourceOptions(parent=owner, depends_on=[self.resource]),
        )
        self._asked = (
            topology.cluster.pool.workers[process.host] if topology.cluster.pool and process.kind == "worker" else None
        )
        self._count = topology.worker_processes.get(process.host, 0) if self._asked else 0

    def _reads(self, site: Site) -> list[str]:
        layout = site.layout
        named = [layout.key_file, layout.jupyter_token, layout.jupyter_config]
        in_argv = [str(path) for path in named if any(str(path) in word for word in self.rendered.argv)]
        in_environment = [str(path) for path in named if str(path) in self.rendered.environment.values()]
        return [*in_argv, *in_environment, *self.rendered.env_files]

    def entry(self, incarnation: str) -> Entry:
        """Its line of the inventory."""
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
            log=self.log,
            probe=self.rendered.probe,
        )
