"""Under what a process runs: the place where a command becomes a value that a provider executes. Pure."""

import shlex
from pathlib import Path, PurePosixPath

from mspass_stack.config import Cluster, ConfigError
from mspass_stack.rendered import Home, Probe, Reach, RenderedContainer, RenderedProcess
from mspass_stack.roles import command
from mspass_stack.roles.mongodb import data_folder
from mspass_stack.sections import KEY, LOOPBACK
from mspass_stack.topology import Process, Topology


def check_deployable(topology: Topology) -> None:
    """Refuse, before anything is declared, what the model can say but this version cannot run.

    Raises:
        ConfigError: one line per problem, each with its YAML path.
    """
    problems: list[str] = []
    cluster = topology.cluster
    for key, host in cluster.hosts.items():
        if host.address != LOOPBACK and not cluster.is_lab:
            expected = f"expected {LOOPBACK!r}, or ssh: for another machine"
            problems.append(f"{KEY}.hosts.{key}: {host.address!r}: without ssh this is this machine: {expected}")
    runtimes = sorted({process.runtime for process in topology.processes})
    if "apptainer" in runtimes:
        problems.append(f"{KEY}.runtime: 'apptainer': this version knows 'native' and 'docker'")
    elif len(runtimes) > 1:
        problems.append(f"{KEY}.runtime: {' and '.join(runtimes)} in one stack: expected the same for all hosts")
    elif cluster.is_lab and runtimes != ["docker"]:
        problems.append(f"{KEY}.runtime: 'native': hosts reached over ssh run containers: expected 'docker'")
    if not cluster.is_lab and topology.of("configsvr", "shard", "mongos"):
        problems.append(f"{KEY}.database: a sharded database is for hosts reached over ssh: expected db: HOST")
    if problems:
        raise ConfigError("\n".join(problems))


def here(path: str, base: Path) -> str:
    """A path of the config on this machine: from `base` where it is relative, from a home folder where it says `~`."""
    return str(base / Path(path).expanduser())


def reach(host: str, cluster: Cluster, base: Path) -> Reach:
    """How a host is reached.

    Args:
        base: folder that relative paths of the config start from.
    """
    asked = cluster.hosts[host]
    if (ssh := asked.ssh) is None:
        return Reach(host=host)
    key, known = (here(path, base) if path else "" for path in (ssh.key, ssh.known_hosts))
    return Reach(
        host=host,
        address=asked.address,
        user=ssh.user or "",
        port=ssh.port or 0,
        key=key,
        known_hosts=known,
        jump=ssh.jump or "",
    )


def render(process: Process, topology: Topology, home: str, workdir: str, python: str) -> RenderedProcess:
    """Render a process for its runtime.

    Args:
        home: absolute path of the stack's folder on the host; containers see it at the same path.
        workdir: absolute path of the user's files on the host; the same in containers.
        python: the interpreter that has dask and jupyterlab; in a container, one of the image.
    """
    layout = Home(home)
    started = command(process, topology, layout, workdir, python)
    # A terminal or kernel in Jupyter, and a task on a worker, find the tools of the same environment.
    path = (str(PurePosixPath(python).parent),) if started.argv[0] == python and "/" in python else ()
    docker = process.runtime == "docker"
    # Inside a container the user has no entry in the list of users, and so neither name nor home.
    python_runs = process.role in ("scheduler", "worker", "frontend")
    own = {"HOME": str(layout.scratch), "USER": "mspass"} if docker and python_runs else {}
    if process.kind in ("scheduler", "worker"):
        own["DASK_TEMPORARY_DIRECTORY"] = str(layout.scratch)
    return RenderedProcess(
        name=process.name,
        role=process.role,
        host=process.host,
        home=home,
        order=process.rank,
        argv=started.argv,
        environment={**started.environment, **own},
        env_files=started.env_files,
        path=path,
        directory=_directory(process, layout, workdir),
        address=process.address,
        ports=tuple(process.ports.values()),
        stop_signal=started.stop_signal,
        stop_grace=started.stop_grace,
        reads=started.reads,
        writes=started.writes,
        memory=started.memory,
        cpus=started.cpus,
        container=container_name(topology.stack, process.name) if docker else "",
        probe=started.probe,
    )


CONTAINER_PYTHON = "python3"
"""The interpreter of an image, by its PATH: in MsPASS's own it is conda's."""

HEALTH = {
    "mongo": "import socket; socket.create_connection(('{address}', {port}), 3)",
    "dask-scheduler": "from urllib.request import urlopen; urlopen('http://{address}:{port}/health', timeout=3)",
    "jupyter": "from urllib.request import urlopen; urlopen('http://{address}:{port}/api', timeout=3)",
    "dask-workers": (
        "import json; from urllib.request import urlopen; "
        "known = json.load(urlopen('http://{address}:{port}/json/identity.json', timeout=3))['workers']; "
        "assert sum(str(w['name']).startswith('{name}') for w in known.values()) >= {count}"
    ),
}
"""What Docker shows as healthy, by probe; the gate of a process is its probe, from outside and with its credentials."""


def container_name(stack: str, process: str) -> str:
    """Containers are named as Docker Compose names them, so that `docker ps` tells stacks apart."""
    return f"mspass-{stack}-{process}"


def network_name(stack: str) -> str:
    return f"mspass-{stack}"


def contain(rendered: RenderedProcess, topology: Topology) -> RenderedContainer:
    """A rendered process as a container: on a network of its own on a desktop, on the host's in a lab."""
    files = "".join(f". {shlex.quote(path)}; " for path in rendered.env_files)
    process = next(process for process in topology.processes if process.name == rendered.name)
    return RenderedContainer(
        name=rendered.container,
        hostname=rendered.name if process.private else "",
        network=network_name(topology.stack) if process.private else "",
        entrypoint=("/bin/sh", "-c", f'set -a; {files}set +a; exec "$@"', "sh"),
        command=rendered.argv,
        environment=rendered.environment,
        directory=rendered.directory,
        binds=(*((path, False) for path in rendered.writes), *((path, True) for path in rendered.reads)),
        address=rendered.address,
        ports=rendered.ports,
        memory=-(-rendered.memory // 1024**2),
        cpus=rendered.cpus,
        health=(CONTAINER_PYTHON, "-c", _health(process, rendered.probe, topology)),
        stop_signal=f"SIG{rendered.stop_signal}",
        stop_grace=rendered.stop_grace,
    )


def _health(process: Process, probe: Probe, topology: Topology) -> str:
    kind, address, port = probe.kind, probe.address, probe.port
    if kind in ("mongo-member", "mongos"):
        kind = "mongo"
    if process.private:
        address = LOOPBACK
    scheduler = topology.one("scheduler")
    if kind == "dask-workers" and scheduler:
        address = scheduler.name
        if not process.private:  # the scheduler's pages stay inside its own host
            kind, address, port = "mongo", scheduler.address, scheduler.ports["dask"]
    return HEALTH[kind].format(address=address, port=port, name=probe.name, count=probe.count)


def _directory(process: Process, layout: Home, workdir: str) -> str:
    """Where a process starts: a mongod in its data, a router anywhere in its image."""
    if process.kind == "mongos":
        return "/"
    return str(data_folder(process, layout)) if process.role in ("db", "dbmanager", "shard") else workdir
