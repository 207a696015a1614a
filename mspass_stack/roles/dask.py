"""Dask's scheduler and workers."""

from mspass_stack.rendered import Home, Probe
from mspass_stack.roles.clients import certificates, client_environment, tls_environment
from mspass_stack.roles.command import Command
from mspass_stack.sections import LOOPBACK
from mspass_stack.topology import ANY, Process, Topology

NANNY = 1024**3 // 2
"""Bytes beside its workers that a Dask worker's nanny is granted."""


def scheduler(process: Process, topology: Topology, home: Home, workdir: str, python: str) -> Command:
    argv = [python, "-m", "dask", "scheduler", "--host", process.listen, "--port", str(process.ports["dask"])]
    argv += ["--dashboard-address", f"{pages(process)}:{process.ports['dashboard']}", "--no-show"]
    return Command(
        tuple(argv),
        tls_environment(topology, home),
        env_files=(),
        reads=certificates(topology, home),
        writes=(workdir, str(home.scratch)),
        probe=Probe(kind="dask-scheduler", host=process.host, address=seen(process), port=process.ports["dashboard"]),
        stop_grace=10,
    )


def worker(process: Process, topology: Topology, home: Home, workdir: str, python: str) -> Command:
    pool, scheduler = topology.cluster.pool, topology.one("scheduler")
    assert pool and scheduler and scheduler.endpoint
    asked, count = pool.workers[process.host], topology.worker_processes[process.host]
    argv = [python, "-m", "dask", "worker", scheduler.endpoint.for_peers()]
    # Inside a container network the worker finds out its own address, by the way to the scheduler.
    argv += ["--host", process.listen] if process.listen != ANY else []
    argv += ["--name", process.name, "--nworkers", str(count), "--nthreads", str(asked.threads)]
    argv += ["--memory-limit", str(asked.memory or 0), "--local-directory", str(home.scratch)]
    # Without this a worker serves its own pages on all interfaces, even with --no-dashboard.
    argv += ["--dashboard-address", f"{pages(process)}:0"]
    client = str(home.client_env)
    return Command(
        tuple(argv),
        client_environment(topology, "peer") | tls_environment(topology, home),
        env_files=(client,),
        reads=(client, *certificates(topology, home)),
        writes=(workdir, str(home.scratch)),
        probe=Probe(
            kind="dask-workers",
            host=scheduler.host,
            address=seen(scheduler),
            port=scheduler.ports["dashboard"],
            count=count,
            name=process.name,
        ),
        stop_grace=30,
        # The limit of each worker is Dask's own business; the rest is for the process that watches over them.
        memory=count * asked.memory + NANNY if asked.memory else 0,
        # Docker refuses more than the host has: no limit where nobody has asked it.
        cpus=min(count * asked.threads, topology.cores.get(process.host, 0)),
    )


def pages(process: Process) -> str:
    """Where a process of Dask serves its pages: they ask nobody for a password, so a lab's stay inside their host."""
    return process.listen if process.private else LOOPBACK


def seen(process: Process) -> str:
    """Where its host sees these pages."""
    return process.address if process.private else LOOPBACK
