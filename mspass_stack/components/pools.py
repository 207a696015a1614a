"""`DaskPool` and `SparkPool`: a scheduler and its workers."""

from collections.abc import Sequence
from typing import ClassVar

import pulumi

from mspass_stack.components.foundation import Foundation
from mspass_stack.components.host import Hosted, HostedProcess
from mspass_stack.config.sections import Pool as PoolConfig
from mspass_stack.roles.dask import Scheduler, Worker
from mspass_stack.roles.spark import SparkMaster, SparkWorker


class Pool(pulumi.ComponentResource):
    """A scheduler, and a process of workers on every host of `pool.workers`; those of a job are one resource.

    Args:
        after: processes that are stopped later than the pool (the database that its tasks use).

    Attributes:
        kinds: the roles of its scheduler and of its workers.
        page: the path of its pages on the scheduler's own port.
    """

    scheduler_address: pulumi.Output[str]
    dashboard_url: pulumi.Output[str]
    kinds: ClassVar[tuple[str, str]]
    page: ClassVar[str]

    def __init__(
        self,
        name: str,
        foundation: Foundation,
        after: Sequence[Hosted] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(f"mspass:index:{type(self).__name__}", name, None, opts)
        scheduler, worker = self.kinds
        process = foundation.topology.one(scheduler)
        if process is None:
            raise ValueError(f"the config declares no pool that is a {type(self).__name__}")
        match = foundation.versions
        self.scheduler = HostedProcess(foundation, process, self, after, match).check_readiness()
        # A restarted scheduler loses its workers; they come back on their own, and the check waits for it.
        unsettled_by, together = [self.scheduler], foundation.together.get(worker)
        self.workers: list[Hosted] = (
            [together.check_readiness(self, unsettled_by)]
            if together
            else [
                HostedProcess(foundation, one, self, [*after, self.scheduler], match).check_readiness(unsettled_by)
                for one in foundation.topology.of(worker)
            ]
        )
        self.hosted: list[Hosted] = [self.scheduler, *self.workers]
        usable = pulumi.Output.all(*(hosted.ready.id for hosted in self.hosted))
        pages = f"http://{self.scheduler.spec.probe.address}:{process.ports['dashboard']}/{self.page}"
        self.scheduler_address = usable.apply(lambda _: process.endpoint)
        self.dashboard_url = usable.apply(lambda _: pages)
        self.register_outputs({})


class DaskPool(Pool):
    """Dask's scheduler, and its workers with a nanny on each host."""

    kinds = (Scheduler.kind, Worker.kind)
    page = "status"


class SparkPool(Pool):
    """Spark's master, and a worker on each host, which starts the executors of applications."""

    kinds = (SparkMaster.kind, SparkWorker.kind)
    page = ""


def pool_of(config: PoolConfig) -> type[Pool]:
    """Return the component for the kind of scheduler that a config asks for."""
    return SparkPool if config.spark else DaskPool
