"""`DaskPool`: the Dask scheduler and its workers."""

from collections.abc import Sequence
from typing import ClassVar

import pulumi

from mspass_stack.components.foundation import Foundation
from mspass_stack.components.host import Hosted, HostedProcess
from mspass_stack.roles.dask import Scheduler, Worker


class DaskPool(pulumi.ComponentResource):
    """A scheduler, and one worker process group on every host of `pool.workers`; those of a job are one resource.

    Args:
        after: processes that are stopped later than the pool (the database that its tasks use).
    """

    scheduler_address: pulumi.Output[str]
    dashboard_url: pulumi.Output[str]
    kinds: ClassVar[tuple[str, ...]] = (Scheduler.kind, Worker.kind)

    def __init__(
        self,
        name: str,
        foundation: Foundation,
        after: Sequence[Hosted] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mspass:index:DaskPool", name, None, opts)
        process = foundation.topology.one(Scheduler.kind)
        if process is None:
            raise ValueError("the config declares no pool")
        match = foundation.versions
        self.scheduler = HostedProcess(foundation, process, self, after, match).check_readiness()
        # A restarted scheduler loses its workers; they come back on their own, and the check waits for it.
        unsettled_by, together = [self.scheduler], foundation.together.get(Worker.kind)
        self.workers: list[Hosted] = (
            [together.check_readiness(self, unsettled_by)]
            if together
            else [
                HostedProcess(foundation, worker, self, [*after, self.scheduler], match).check_readiness(unsettled_by)
                for worker in foundation.topology.of(Worker.kind)
            ]
        )
        self.hosted: list[Hosted] = [self.scheduler, *self.workers]
        usable = pulumi.Output.all(*(hosted.ready.id for hosted in self.hosted))
        pages = f"http://{self.scheduler.spec.probe.address}:{process.ports['dashboard']}/status"
        self.scheduler_address = usable.apply(lambda _: process.endpoint)
        self.dashboard_url = usable.apply(lambda _: pages)
        self.register_outputs({})
