"""Under what a process runs: the place where a command becomes a value that a provider executes. Pure."""

import shlex
from pathlib import PurePosixPath

from mspass_stack.config import KEY, ConfigError
from mspass_stack.rendered import Home, RenderedContainer, RenderedProcess
from mspass_stack.roles import command
from mspass_stack.topology import LOOPBACK, Process, Topology


def check_deployable(topology: Topology) -> None:
    """Refuse, before anything is declared, what the model can say but this version cannot run.

    Raises:
        ConfigError: one line per problem, each with its YAML path.
    """
    problems: list[str] = []
    for key, host in topology.cluster.hosts.items():
        path = f"{KEY}.hosts.{key}"
        if host.ssh or host.address != LOOPBACK:
            problems.append(
                f"{path}: {host.address!r}: this version deploys to this machine only: expected {LOOPBACK!r}"
            )
    runtimes = sorted({process.runtime for process in topology.processes})
    if "apptainer" in runtimes:
        problems.append(f"{KEY}.runtime: 'apptainer': this version knows 'native' and 'docker'")
    elif len(runtimes) > 1:
        problems.append(f"{KEY}.runtime: {' and '.join(runtimes)} in one stack: expected the same for all hosts")
    if len(topology.hosts) > 1:
        problems.append(f"{KEY}.hosts: {', '.join(topology.hosts)}: expected one host, this machine")
    if topology.of("configsvr", "shard", "mongos"):
        problems.append(f"{KEY}.database: this version deploys the unsharded database only: expected db: HOST")
    if problems:
        raise ConfigError("\n".join(problems))


def render(
    process: Process, topology: Topology, home: str, workdir: str, python: str, engine: str = ""
) -> RenderedProcess:
    """Render a process for its runtime.

    Args:
        home: absolute path of the stack's folder on the host; containers see it at the same path.
        workdir: absolute path of the user's files on the host; the same in containers.
        python: the interpreter that has dask and jupyterlab; in a container, one of the image.
        engine: address of the Docker engine that runs it.
    """
    layout = Home(home)
    started = command(process, topology, layout, workdir, python)
    # A terminal or kernel in Jupyter, and a task on a worker, find the tools of the same environment.
    path = (str(PurePosixPath(python).parent),) if started.argv[0] == python and "/" in python else ()
    docker = process.runtime == "docker"
    # Inside a container the user has no entry in the list of users, and so neither name nor home.
    own = {"HOME": str(layout.scratch), "USER": "mspass"} if docker and process.kind != "mongod" else {}
    if process.kind in ("scheduler", "worker"):
        own["DASK_TEMPORARY_DIRECTORY"] = str(layout.scratch)
    return RenderedProcess(
        name=process.name,
        role=process.role,
        host=process.host,
        home=home,
        order=topology.processes.index(process),
        argv=started.argv,
        environment={**started.environment, **own},
        env_files=started.env_files,
        path=path,
        directory=str(layout.database) if process.kind == "mongod" else workdir,
        address=process.address,
        ports=tuple(process.ports.values()),
        stop_signal=started.stop_signal,
        stop_grace=started.stop_grace,
        reads=started.reads,
        writes=started.writes,
        memory=started.memory,
        cpus=started.cpus,
        container=container_name(topology.stack, process.name) if docker else "",
        engine=engine if docker else "",
        probe=started.probe,
    )


CONTAINER_PYTHON = "python3"
"""The interpreter of an image, by its PATH: in MsPASS's own it is conda's."""

HEALTH = {
    "mongo": "import socket; socket.create_connection(('127.0.0.1', {port}), 3)",
    "dask-scheduler": "from urllib.request import urlopen; urlopen('http://127.0.0.1:{port}/health', timeout=3)",
    "jupyter": "from urllib.request import urlopen; urlopen('http://127.0.0.1:{port}/api', timeout=3)",
    "dask-workers": (
        "import json; from urllib.request import urlopen; "
        "known = json.load(urlopen('http://{scheduler}:{port}/json/identity.json', timeout=3))['workers']; "
        "assert sum(str(w['name']).startswith('{name}') for w in known.values()) >= {count}"
    ),
}
"""What Docker shows as healthy, by probe; the gate of a process is its probe, from outside and with its credentials."""


def container_name(stack: str, process: str) -> str:
    """Containers are named as Docker Compose names them, so that `docker ps` tells stacks apart."""
    return f"mspass-{stack}-{process}"


def network_name(stack: str) -> str:
    return f"mspass-{stack}"


def contain(rendered: RenderedProcess, topology: Topology, user: str) -> RenderedContainer:
    """A rendered process as a container of its own.

    Args:
        user: uid:gid of the user.
    """
    files = "".join(f". {shlex.quote(path)}; " for path in rendered.env_files)
    scheduler = topology.one("scheduler")
    probe = rendered.probe
    values = {"port": probe.port, "name": probe.name, "count": probe.count, "scheduler": scheduler and scheduler.name}
    return RenderedContainer(
        name=rendered.container,
        hostname=rendered.name,
        network=network_name(topology.stack),
        entrypoint=("/bin/sh", "-c", f'set -a; {files}set +a; exec "$@"', "sh"),
        command=rendered.argv,
        environment=rendered.environment,
        directory=rendered.directory,
        user=user,
        binds=(*((path, False) for path in rendered.writes), *((path, True) for path in rendered.reads)),
        address=rendered.address,
        ports=rendered.ports,
        memory=-(-rendered.memory // 1024**2),
        cpus=rendered.cpus,
        health=(CONTAINER_PYTHON, "-c", HEALTH[probe.kind].format(**values)),
        stop_signal=f"SIG{rendered.stop_signal}",
        stop_grace=rendered.stop_grace,
    )
