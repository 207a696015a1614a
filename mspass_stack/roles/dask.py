"""Dask's scheduler and workers."""

from collections.abc import Iterator, Mapping

from mspass_stack.agent.words import CORES, LIMIT
from mspass_stack.config.hosts import LOOPBACK
from mspass_stack.config.sections import Cluster
from mspass_stack.roles.base import (
    Command,
    Context,
    Drain,
    HealthCheck,
    Needs,
    Placement,
    Role,
    Share,
    Turn,
    by_halves,
    run_module,
)
from mspass_stack.roles.clients import CLIENT_ENV, tls_environment, tls_files, tls_paths
from mspass_stack.spec.probe import Probe
from mspass_stack.spec.topology import DASK, MONGODB, Process

NANNY = 1024**3 // 2
"""Bytes beside its workers that a Dask worker's nanny is granted."""

ROOM = 1024**3 // 2
"""Bytes that others leave to a scheduler."""

SPAWN = (
    "import dask; dask.config.set({'distributed.nanny.pre-spawn-environ.PYTHONSAFEPATH': '1', "
    "'distributed.nanny.environ.PYTHONSAFEPATH': ''}); "
)
"""A nanny starts its workers by `python -c`, which would look into the working directory first (Python 3.11 and newer
can be told not to); for what a task starts, that is so again."""

NEEDS = Needs(modules=("distributed",), versions=("distributed",))


class Scheduler(Role):
    """The scheduler of a pool; its pages stay on its host's loopback, since they ask nobody for a password."""

    kind, role, order, serves = "scheduler", "scheduler", 200, "scheduler"
    speaks = frozenset({DASK})

    def placements(self, cluster: Cluster) -> Iterator[Placement]:
        if (pool := cluster.pool) and not pool.spark:
            ports = {DASK: (pool.port, "pool.port"), "dashboard": (pool.dashboard, "pool.dashboard")}
            yield Placement("scheduler", pool.host, "pool.host", ports, "tcp")

    def command(self, process: Process, context: Context) -> Command:
        pages, scratch = process.ports["dashboard"], str(context.layout.scratch)
        temporary = {"DASK_TEMPORARY_DIRECTORY": context.host.temporary}
        words = ["scheduler", "--host", process.address, "--port", str(process.port)]
        words += ["--dashboard-address", f"{LOOPBACK}:{pages}", "--no-show"]
        page = Probe(kind="http", host=process.host, address=LOOPBACK, port=pages, path="/health", expected="ok")
        return Command(
            argv=run_module(context.host.python, "dask", *words),
            directory=context.host.workdir,
            environment={**tls_environment(context.topology, context.layout.tls), **temporary},
            reads=tls_paths(context),
            writes=(context.host.workdir, scratch),
            probe=page,
            health=HealthCheck(LOOPBACK, pages, page.path),
            stop_grace=10,
            room=ROOM,
        )

    def needs(self, process: Process, context: Context) -> Needs:
        return NEEDS

    def turn(self, process: Process, context: Context) -> Turn:
        return Turn(halts="the scheduler restarts: what clients have submitted and not yet gathered is lost")

    def files(self, process: Process, context: Context, values: Mapping[str, str]) -> Mapping[str, str]:
        return tls_files(context.topology, context.layout.tls, values)

    def client(self, process: Process, values: Mapping[str, str], authority: str) -> Mapping[str, str]:
        # Source: mspasspy/client.py. A missing scheduler address would silently give a local cluster.
        return {
            "MSPASS_SCHEDULER": "dask",
            "MSPASS_SCHEDULER_ADDRESS": process.endpoint,
            "DASK_SCHEDULER_ADDRESS": process.endpoint,
            "DASK_SCHEDULER_PORT": str(process.port),
        }


class Worker(Role):
    """The Dask workers of one host, with the nanny that watches over them."""

    kind, role, order = "worker", "worker", 300
    speaks = frozenset({DASK, MONGODB})
    alike = True

    def placements(self, cluster: Cluster) -> Iterator[Placement]:
        for host in cluster.pool.workers if cluster.pool and not cluster.pool.spark else ():
            yield Placement(f"worker-{host}", host, f"pool.workers.{host}")

    def command(self, process: Process, context: Context) -> Command:
        scheduler, layout = _scheduler(context), context.layout
        share, client, scratch = self.share(process, context), str(layout.client_env), str(layout.scratch)
        words = ["worker", scheduler.endpoint, "--host", process.address]
        temporary, measured = context.host.temporary, context.host.measured
        workers, limit = str(share.workers or CORES), LIMIT if measured and not share.memory else str(share.memory)
        words += ["--name", process.name, "--nworkers", workers, "--nthreads", str(share.threads)]
        words += ["--memory-limit", limit, "--local-directory", temporary]
        # Without this a worker serves its own pages on all interfaces, even with --no-dashboard.
        words += ["--dashboard-address", f"{LOOPBACK}:0"]
        pages = Probe(
            kind="dask-workers",
            host=scheduler.host,
            address=LOOPBACK,
            port=scheduler.ports["dashboard"],
            count=share.workers,
            name=process.name,
            size_file=str(layout.size_of(process.name)) if measured else "",
        )
        return Command(
            argv=run_module(context.host.python, "dask", *words, before=SPAWN),
            directory=context.host.workdir,
            environment={**tls_environment(context.topology, layout.tls), "DASK_TEMPORARY_DIRECTORY": temporary},
            env_files=(client,),
            reads=(client, *tls_paths(context)),
            writes=(context.host.workdir, scratch),
            probe=pages,
            # The scheduler's pages stay inside its own host: what a worker sees of it is the way to it.
            health=HealthCheck(scheduler.address, scheduler.port),
            stop_grace=30,
            oom_score=800,
            # The limit of each worker is Dask's own business; the rest is for the process that watches over them.
            memory=share.workers * share.memory + NANNY if share.memory else 0,
            # Docker refuses more than the host has: no limit where nobody has asked it.
            cpus=min(share.workers * share.threads, context.host.cores),
            room=share.workers * share.memory + NANNY,
            parts=share.workers,
        )

    def needs(self, process: Process, context: Context) -> Needs:
        return NEEDS

    def memory(self, process: Process, context: Context) -> Iterator[tuple[str, int]]:
        share = self.share(process, context)
        if share.memory:
            yield from [(f"pool.workers.{process.host}.memory", share.memory)] * share.workers

    def files(self, process: Process, context: Context, values: Mapping[str, str]) -> Mapping[str, str]:
        tls = tls_files(context.topology, context.layout.tls, values)
        return {str(context.layout.client_env): values[CLIENT_ENV], **tls}

    def drain(self, process: Process, context: Context) -> Drain | None:
        scheduler = _scheduler(context)
        python = context.topology.hosts[scheduler.host].python
        return Drain(scheduler.name, python, "drain.py", (scheduler.endpoint, process.name))

    def turn(self, process: Process, context: Context) -> Turn:
        return by_halves(process, context.topology.of(self.kind))

    def share(self, process: Process, context: Context) -> Share:
        assert context.cluster.pool
        workers = context.cluster.pool.workers[process.host]
        every = 0 if context.host.measured else context.host.cores or 1
        return Share(workers.processes or every, workers.threads, workers.memory or 0)


def _scheduler(context: Context) -> Process:
    scheduler = context.topology.one(Scheduler.kind)
    assert scheduler, "a pool has one"
    return scheduler
