"""Under what a process runs: the place where a command becomes a value that the provider executes. Pure."""

from pathlib import PurePosixPath

from mspass_stack.config import KEY, ConfigError
from mspass_stack.rendered import Home, RenderedProcess
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
    for runtime in sorted({process.runtime for process in topology.processes} - {"native"}):
        problems.append(f"{KEY}.runtime: {runtime!r}: this version runs native processes only: expected 'native'")
    if len(topology.hosts) > 1:
        problems.append(f"{KEY}.hosts: {', '.join(topology.hosts)}: expected one host, this machine")
    if topology.of("configsvr", "shard", "mongos"):
        problems.append(f"{KEY}.database: this version deploys the unsharded database only: expected db: HOST")
    if problems:
        raise ConfigError("\n".join(problems))


def render(process: Process, topology: Topology, home: str, workdir: str, python: str) -> RenderedProcess:
    """Render a process for its runtime.

    Args:
        home: absolute path of the stack's folder on the host.
        workdir: absolute path of the user's files on the host.
        python: absolute path of the interpreter that has dask and jupyterlab.
    """
    layout = Home(home)
    started = command(process, topology, layout, workdir, python)
    # A terminal or kernel in Jupyter, and a task on a worker, find the tools of the same environment.
    path = (str(PurePosixPath(python).parent),) if started.argv[0] == python else ()
    return RenderedProcess(
        name=process.name,
        role=process.role,
        host=process.host,
        home=home,
        order=topology.processes.index(process),
        argv=started.argv,
        environment=started.environment,
        env_files=started.env_files,
        path=path,
        directory=home if process.kind == "mongod" else workdir,
        address=process.address,
        ports=tuple(process.ports.values()),
        stop_signal=started.stop_signal,
        stop_grace=started.stop_grace,
        probe=started.probe,
    )
