"""`DaskPool`: the Dask scheduler and its workers."""

from collections.abc import Sequence

import pulumi

from mspass_stack.components.process import HostedProcess
from mspass_stack.components.site import Site


class DaskPool(pulumi.ComponentResource):
    """A scheduler, and one worker process group on every host of `pool.workers`.

    Args:
        after: processes that are stopped later than the pool (the database that its tasks use).
    """

    scheduler_address: pulumi.Output[str]
    dashboard_url: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        site: Site,
        after: Sequence[HostedProcess] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mspass:index:DaskPool", name, None, opts)
        process = site.topology.one("scheduler")
        if process is None or process.endpoint is None:
            raise ValueError("the config declares no pool")
        self.scheduler = HostedProcess(site, process, self, after).open_gate()
        self.workers = [
            # A restarted scheduler loses its workers; they come back on their own, and the gate waits for it.
            HostedProcess(site, worker, self, [*after, self.scheduler]).open_gate(unsettled_by=[self.scheduler])
            for worker in site.topology.of("worker")
        ]
        self.hosted = [self.scheduler, *self.workers]
        usable = pulumi.Output.all(*(hosted.ready.id for hosted in self.hosted))
        address = process.endpoint.for_user()
        pages = f"http://{self.scheduler.rendered.probe.address}:{process.ports['dashboard']}/status"
        self.scheduler_address = usable.apply(lambda _: address)
        self.dashboard_url = usable.apply(lambda _: pages)
        self.register_outputs({})
