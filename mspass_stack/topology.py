"""The plan of a cluster: all its processes with names, ports, endpoints and order. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mspass_stack.config import Cluster
from mspass_stack.rendered import CONFIG_SET
from mspass_stack.rules import doubtful
from mspass_stack.sections import Runtime

Role = Literal["db", "dbmanager", "shard", "scheduler", "worker", "frontend"]
Kind = Literal["mongod", "configsvr", "shard", "mongos", "scheduler", "worker", "frontend"]

ROLES: Mapping[Kind, Role] = {
    "mongod": "db",
    "configsvr": "dbmanager",
    "shard": "shard",
    "mongos": "dbmanager",
    "scheduler": "scheduler",
    "worker": "worker",
    "frontend": "frontend",
}
"""Which role each process plays, in the order of starting: a process depends on those of the kinds before its own."""

ANY = "0.0.0.0"


@dataclass(frozen=True)
class Endpoint:
    """Where a process answers: for its peers, and for the user's machine (they differ inside a container network)."""

    scheme: str
    peer: str
    user: str

    def for_peers(self) -> str:
        return f"{self.scheme}://{self.peer}"

    def for_user(self) -> str:
        return f"{self.scheme}://{self.user}"


@dataclass(frozen=True)
class Process:
    """One long-running daemon of a role on a host.

    Attributes:
        address: where the machine that runs Pulumi reaches it.
        listen: what it binds to; inside a container network of its own that is any address, and what the host
            publishes decides who comes in.
    """

    name: str
    kind: Kind
    host: str
    address: str
    listen: str
    runtime: Runtime
    ports: Mapping[str, int]
    endpoint: Endpoint | None
    after: tuple[str, ...]
    replica_set: str | None = None

    @property
    def role(self) -> Role:
        return ROLES[self.kind]

    @property
    def rank(self) -> int:
        """Its kind's place in the order of starting; the same whatever else the stack has."""
        return list(ROLES).index(self.kind)

    @property
    def private(self) -> bool:
        """Whether it lives in a container network of its own."""
        return self.listen == ANY


@dataclass(frozen=True)
class Topology:
    """All processes of a stack, in the order of starting."""

    stack: str
    cluster: Cluster
    processes: tuple[Process, ...]
    worker_processes: Mapping[str, int]
    cores: Mapping[str, int]
    warnings: tuple[str, ...]

    def of(self, *kinds: Kind) -> tuple[Process, ...]:
        return tuple(process for process in self.processes if process.kind in kinds)

    def one(self, *kinds: Kind) -> Process | None:
        """The first process of these kinds: the one that clients are pointed at."""
        return next(iter(self.of(*kinds)), None)

    @property
    def hosts(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(process.host for process in self.processes))

    def members(self, replica_set: str) -> tuple[Process, ...]:
        return tuple(process for process in self.processes if process.replica_set == replica_set)

    def seeds(self, replica_set: str) -> str:
        """A set with its members, as MongoDB writes it: NAME/HOST:PORT,HOST:PORT."""
        return f"{replica_set}/" + ",".join(p.endpoint.peer for p in self.members(replica_set) if p.endpoint)

    @property
    def tls(self) -> bool:
        """Whether Dask speaks TLS: it does where its words leave a machine."""
        return self.cluster.is_lab and self.one("scheduler") is not None


@dataclass(frozen=True)
class _Draft:
    name: str
    kind: Kind
    host: str
    ports: Mapping[str, int]
    scheme: str | None = None
    replica_set: str | None = None


def _drafts(cluster: Cluster) -> list[_Draft]:
    drafts: list[_Draft] = []
    if database := cluster.database:
        if database.db:
            drafts.append(_Draft("mongod", "mongod", database.db, {"mongodb": database.port}, "mongodb"))
        for (key, host), port in database.member_ports().items() if database.router else ():
            named: tuple[str, Kind, str] = (f"shard-{key}-{host}", "shard", key)
            name, kind, members = named if key != "config" else (f"configsvr-{host}", "configsvr", CONFIG_SET)
            drafts.append(_Draft(name, kind, host, {"mongodb": port}, "mongodb", members))
        for host in database.router:
            drafts.append(_Draft(f"mongos-{host}", "mongos", host, {"mongodb": database.port}, "mongodb"))
    if pool := cluster.pool:
        ports = {"dask": pool.port, "dashboard": pool.dashboard}
        drafts.append(_Draft("scheduler", "scheduler", pool.host, ports, "tls" if cluster.is_lab else "tcp"))
        drafts += [_Draft(f"worker-{host}", "worker", host, {}) for host in pool.workers]
    if frontend := cluster.frontend:
        drafts.append(_Draft("frontend", "frontend", frontend.host, {"http": frontend.port}, "http"))
    return drafts


def plan(cluster: Cluster, stack: str, cores: Mapping[str, int]) -> Topology:
    """Lay out the processes of a cluster.

    Args:
        cluster: the checked config.
        stack: the name of the Pulumi stack.
        cores: CPUs by host, for workers whose config gives no `processes`.
    """
    order = list(ROLES)
    drafts = sorted(_drafts(cluster), key=lambda draft: order.index(draft.kind))
    processes: list[Process] = []
    for draft in drafts:
        host = cluster.hosts[draft.host]
        runtime = host.runtime or cluster.runtime
        networked = runtime == "docker" and not cluster.is_lab
        port = next(iter(draft.ports.values()), 0)
        place, peer = f"{host.address}:{port}", f"{draft.name if networked else host.address}:{port}"
        processes.append(
            Process(
                name=draft.name,
                kind=draft.kind,
                host=draft.host,
                address=host.address,
                listen=ANY if networked else host.address,
                runtime=runtime,
                ports=draft.ports,
                endpoint=Endpoint(draft.scheme, peer, place) if draft.scheme else None,
                after=tuple(p.name for p in processes if order.index(p.kind) < order.index(draft.kind)),
                replica_set=draft.replica_set,
            )
        )
    workers = cluster.pool.workers if cluster.pool else {}
    return Topology(
        stack=stack,
        cluster=cluster,
        processes=tuple(processes),
        worker_processes={host: asked.processes or cores.get(host, 1) for host, asked in workers.items()},
        cores=cores,
        warnings=tuple(doubtful(cluster)),
    )
