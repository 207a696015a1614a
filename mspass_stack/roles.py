"""What each process is started with: argv, environment, probe and stop. Pure: strings in, strings out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mspass_stack.config import KEY, ConfigError
from mspass_stack.rendered import Home, Probe
from mspass_stack.topology import ANY, Process, Topology

DATABASE_USER = "mspass"
DATABASE_ROLES = ("readWriteAnyDatabase", "dbAdminAnyDatabase")
"""MsPASS makes databases by name as it goes, and its indexes; it administers no users and no cluster."""

GIB = 1024**3

NANNY = GIB // 2
"""Bytes beside its workers that a Dask worker's nanny is granted."""


@dataclass(frozen=True)
class Command:
    """How a process is started and stopped, whatever the runtime.

    Attributes:
        reads: secret files; `env_files` of them are its environment.
        writes: folders of the stack and of the user that it works in.
        memory, cpus: what it is meant to use at most, in bytes and cores; 0 is no limit.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    env_files: tuple[str, ...]
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    probe: Probe
    stop_grace: int
    stop_signal: Literal["TERM", "INT"] = "TERM"
    memory: int = 0
    cpus: int = 0


def command(process: Process, topology: Topology, home: Home, workdir: str, python: str) -> Command:
    """The command of a process.

    Args:
        home: the stack's folder as the process sees it.
        workdir: the user's notebooks and waveforms, as the process sees it.
        python: the interpreter that has dask and jupyterlab.
    """
    match process.kind:
        case "mongod":
            return _mongod(process, topology, home)
        case "scheduler":
            return _scheduler(process, workdir, python)
        case "worker":
            return _worker(process, topology, home, workdir, python)
        case "frontend":
            return _frontend(process, topology, home, workdir, python)
        case "configsvr" | "shard" | "mongos":
            raise ConfigError(f"{KEY}.database: this version deploys the unsharded database only: expected db: HOST")


def client_environment(topology: Topology, side: Literal["peer", "user"]) -> dict[str, str]:
    """What MsPASS's `Client()`, pymongo and distributed read, but for the database's address, which holds a password.

    Source: mspasspy/client.py. A missing scheduler address would silently give a local cluster.
    """
    environment = {"MSPASS_SCHEDULER": "none"}
    if scheduler := topology.one("scheduler"):
        assert scheduler.endpoint
        address = scheduler.endpoint.for_peers() if side == "peer" else scheduler.endpoint.for_user()
        environment = {
            "MSPASS_SCHEDULER": "dask",
            "MSPASS_SCHEDULER_ADDRESS": address,
            "DASK_SCHEDULER_ADDRESS": address,
            "DASK_SCHEDULER_PORT": str(scheduler.ports["dask"]),
        }
    if database := topology.one("mongos", "mongod"):
        environment["MONGODB_PORT"] = str(database.ports["mongodb"])
    return environment


def database_uri(topology: Topology, password: str, side: Literal["peer", "user"]) -> str | None:
    """The address of the database with its user: one host and port, since MsPASS parses no list of hosts."""
    if (database := topology.one("mongos", "mongod")) is None:
        return None
    assert database.endpoint
    place = database.endpoint.peer if side == "peer" else database.endpoint.user
    return f"mongodb://{DATABASE_USER}:{password}@{place}/?authSource=admin"


def _mongod(process: Process, topology: Topology, home: Home) -> Command:
    port = process.ports["mongodb"]
    # No Unix socket: a stale one of another user in /tmp keeps mongod from starting. The key file switches
    # authentication on and lets the provider act as the internal user.
    argv = ["mongod", "--dbpath", str(home.database), "--port", str(port), "--bind_ip", process.listen]
    argv += ["--nounixsocket", "--keyFile", str(home.key_file)]
    if (database := topology.cluster.database) and database.cache:
        argv += ["--wiredTigerCacheSizeGB", f"{database.cache / GIB:.2f}"]
    probe = Probe(kind="mongo", address=process.address, port=port)
    key, data = str(home.key_file), str(home.database)
    return Command(tuple(argv), {}, (), (key,), (data,), probe, stop_grace=120)


def _scheduler(process: Process, workdir: str, python: str) -> Command:
    argv = [python, "-m", "dask", "scheduler", "--host", process.listen, "--port", str(process.ports["dask"])]
    argv += ["--dashboard-address", f"{process.listen}:{process.ports['dashboard']}", "--no-show"]
    probe = Probe(kind="dask-scheduler", address=process.address, port=process.ports["dashboard"])
    return Command(tuple(argv), {}, (), (), (workdir,), probe, stop_grace=10)


def _worker(process: Process, topology: Topology, home: Home, workdir: str, python: str) -> Command:
    pool, scheduler = topology.cluster.pool, topology.one("scheduler")
    assert pool and scheduler and scheduler.endpoint
    asked, count = pool.workers[process.host], topology.worker_processes[process.host]
    argv = [python, "-m", "dask", "worker", scheduler.endpoint.for_peers()]
    # Inside a container network the worker finds out its own address, by the way to the scheduler.
    argv += ["--host", process.listen] if process.listen != ANY else []
    argv += ["--name", process.name, "--nworkers", str(count), "--nthreads", str(asked.threads)]
    argv += ["--memory-limit", str(asked.memory or 0), "--local-directory", str(home.scratch)]
    # Without this a worker serves its own pages on all interfaces, even with --no-dashboard.
    argv += ["--dashboard-address", f"{process.listen}:0"]
    probe = Probe(
        kind="dask-workers",
        address=scheduler.address,
        port=scheduler.ports["dashboard"],
        count=count,
        name=process.name,
    )
    client = str(home.client_env)
    return Command(
        tuple(argv),
        client_environment(topology, "peer"),
        env_files=(client,),
        reads=(client,),
        writes=(workdir, str(home.scratch)),
        probe=probe,
        stop_grace=30,
        # The limit of each worker is Dask's own business; the rest is for the process that watches over them.
        memory=count * asked.memory + NANNY if asked.memory else 0,
        cpus=min(count * asked.threads, topology.cores.get(process.host, count * asked.threads)),
    )


def _frontend(process: Process, topology: Topology, home: Home, workdir: str, python: str) -> Command:
    port = process.ports["http"]
    argv = [python, "-m", "jupyterlab", "--no-browser", "--ServerApp.ip=" + process.listen]
    argv += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0", "--ServerApp.root_dir=" + workdir]
    argv += ["--config=" + str(home.jupyter_config), "--allow-root"]
    # The token arrives as a file: every user of the machine can read argv, and every kernel the environment.
    environment = {**client_environment(topology, "peer"), "JUPYTER_TOKEN_FILE": str(home.jupyter_token)}
    probe = Probe(kind="jupyter", address=process.address, port=port, token_file=str(home.jupyter_token))
    client, token, config = map(str, (home.client_env, home.jupyter_token, home.jupyter_config))
    writes = (workdir, str(home.scratch))
    return Command(tuple(argv), environment, (client,), (client, token, config), writes, probe, stop_grace=15)
