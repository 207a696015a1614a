"""All roles by kind, and what they say together."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from mspass_stack.config.sections import Cluster
from mspass_stack.roles.base import Context, Guest, Placement, Role
from mspass_stack.roles.clients import env_file, tls_environment
from mspass_stack.roles.dask import Scheduler, Worker
from mspass_stack.roles.jupyter import Frontend
from mspass_stack.roles.mongodb import ConfigServer, Shard, Single
from mspass_stack.roles.mongos import Router
from mspass_stack.roles.spark import SparkMaster, SparkWorker
from mspass_stack.spec.binary import Binary
from mspass_stack.spec.layout import TlsFiles
from mspass_stack.spec.topology import Process, Topology

ROLES: dict[str, Role] = {
    role.kind: role
    for role in (
        *(Single(), ConfigServer(), Shard(), Router()),
        *(Scheduler(), Worker(), SparkMaster(), SparkWorker()),
        Frontend(),
    )
}


def role_of(process: Process) -> Role:
    """Return the role that a process plays."""
    return ROLES[process.kind]


def placements(cluster: Cluster) -> Iterator[tuple[Role, Placement]]:
    """Yield all processes that a config asks for, in the order of starting."""
    for role in sorted(ROLES.values(), key=lambda role: role.order):
        for placement in role.placements(cluster):
            yield role, placement


def places(cluster: Cluster) -> Iterator[tuple[str, str]]:
    """Yield every place where the config names a host: its YAML path below the key, and the host."""
    for _, placement in placements(cluster):
        yield placement.path, placement.host


def serving(topology: Topology) -> dict[str, Process]:
    """Return where clients find each service: its first process."""
    found: dict[str, Process] = {}
    for process in topology.processes:
        if service := role_of(process).serves:
            found.setdefault(service, process)
    return found


def client_files(context: Context, values: Mapping[str, str]) -> dict[str, str]:
    """Return the secret files by which clients on a host use what the cluster serves, content by path."""
    found: dict[str, str] = {}
    for process in serving(context.topology).values():
        found |= role_of(process).client_files(process, context, values)
    return found


def client_binaries(context: Context, values: Mapping[str, str]) -> dict[str, Binary]:
    """Return the files beside those that are no texts and no secrets, by path."""
    found: dict[str, Binary] = {}
    for process in serving(context.topology).values():
        found |= role_of(process).client_binaries(process, context, values)
    return found


def client_environment(context: Context) -> dict[str, str]:
    """Return what only the clients on a host have in their environment."""
    found: dict[str, str] = {}
    for process in serving(context.topology).values():
        found |= role_of(process).client_environment(process, context)
    return found


def database_address(topology: Topology, values: Mapping[str, str], authority: PurePosixPath) -> str:
    """Return the database's address with its user; empty without a database."""
    if (process := serving(topology).get("database")) is None:
        return ""
    speaks_tls = topology.encrypted & set(process.ports)
    found = role_of(process).client(process, values, str(authority) if speaks_tls else "")
    return found.get("MSPASS_DB_ADDRESS", "")


def guest(context: Context, directory: PurePosixPath, values: Mapping[str, str]) -> Guest | None:
    """Return what clients have on a machine that is no host, where hosts connect back to them.

    Args:
        context: of whatever host.
        directory: for their files.
    """
    served = serving(context.topology).values()
    return next((found for one in served if (found := role_of(one).guest(one, context, directory, values))), None)


def elsewhere(topology: Topology) -> list[str]:
    """Return what clients are told on a machine that has not what lets one in."""
    return [said for process in serving(topology).values() if (said := role_of(process).elsewhere)]


def client_env(
    topology: Topology,
    values: Mapping[str, str],
    authority: PurePosixPath,
    tls: TlsFiles | None = None,
    direct: Iterable[str] = (),
    settings: Mapping[str, str] | None = None,
) -> str:
    """Return the env file by which clients find the cluster.

    Processes that read it are restarted when it changes: it says nothing of hosts that it does not lead to.

    Args:
        values: secrets by name.
        authority: where those who read it find the certificate of who signs.
        tls: for a file that has to name them: those of processes are in their own environment.
        direct: more addresses that no proxy is to stand before.
        settings: what clients have in their environment on the host that it is for.
    """
    environment: dict[str, str] = {"MSPASS_SCHEDULER": "none"}
    addresses: list[str] = []
    for process in serving(topology).values():
        speaks_tls = topology.encrypted & set(process.ports)
        if found := role_of(process).client(process, values, str(authority) if speaks_tls else ""):
            environment |= found
            addresses.append(process.address)
    environment |= settings or {}
    if tls:
        environment |= tls_environment(topology, tls)
    script = "".join(role_of(process).client_script for process in serving(topology).values())
    return env_file(environment, [*addresses, *direct], script)
