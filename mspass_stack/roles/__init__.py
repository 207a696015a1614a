"""What each process is started with: argv, environment, probe and stop. Pure: strings in, strings out."""

from mspass_stack.rendered import Home
from mspass_stack.roles.clients import DATABASE_ROLES, DATABASE_USER, client_environment, database_uri, tls_environment
from mspass_stack.roles.command import Command
from mspass_stack.roles.dask import scheduler, worker
from mspass_stack.roles.jupyter import frontend
from mspass_stack.roles.mongodb import mongod, mongos
from mspass_stack.topology import Process, Topology

__all__ = [
    "DATABASE_ROLES",
    "DATABASE_USER",
    "Command",
    "client_environment",
    "command",
    "database_uri",
    "tls_environment",
]


def command(process: Process, topology: Topology, home: Home, workdir: str, python: str) -> Command:
    """The command of a process.

    Args:
        home: the stack's folder as the process sees it.
        workdir: the user's notebooks and waveforms, as the process sees it.
        python: the interpreter that has dask and jupyterlab.
    """
    match process.kind:
        case "mongod" | "configsvr" | "shard":
            return mongod(process, topology, home)
        case "mongos":
            return mongos(process, topology, home)
        case "scheduler":
            return scheduler(process, topology, home, workdir, python)
        case "worker":
            return worker(process, topology, home, workdir, python)
        case "frontend":
            return frontend(process, topology, home, workdir, python)
