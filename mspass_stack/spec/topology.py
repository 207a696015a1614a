"""What a plan is made of: the hosts of a stack and the processes on them. Pure values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from mspass_stack.spec.connection import ConnectionSpec
from mspass_stack.spec.job import JobSpec
from mspass_stack.spec.layout import StackLayout

DASK, MONGODB, HTTP = "dask", "mongodb", "http"
"""What processes and clients of each speak: the protocols that a site may ask to be encrypted."""

NODES = "nodes"
"""The nodes of a job together, which have one disk."""

FIRST_NODE = "node0"
"""The node of a job that holds its supervisord."""

CONFIG_SET = "configserver"
"""The replica set of the config servers, named as MsPASS's own script names it."""


@dataclass(frozen=True)
class Host:
    """A host that plays a role.

    Attributes:
        address: by which everybody knows it: its processes, their peers, and clients on the control node.
        runtime: how its processes are packaged.
        python: the interpreter that has the modules of its roles.
        cores: how many it has; 0 where nobody asked.
        measured: whether what it has is put into the words of its processes at their start.
        temporary: the directory, as its processes see it, for what need not outlive them.
        image: what its containers are made of, where it has some.
        has_engine: whether an engine of Docker keeps its processes up.
        shares_disk: whether other hosts of the stack have the same directory.
    """

    name: str
    address: str
    connection: ConnectionSpec
    runtime: str
    python: str
    stack_dir: str
    workdir: str
    cores: int = 0
    measured: bool = False
    temporary: str = ""
    image: str = ""
    has_engine: bool = False
    shares_disk: bool = False

    @cached_property
    def layout(self) -> StackLayout:
        return StackLayout(self.stack_dir, self.name if self.shares_disk else "")


@dataclass(frozen=True)
class Process:
    """One long-running daemon of a role on a host.

    Attributes:
        kind: the key of its role in the registry.
        role: MsPASS's word for what it does: db, dbmanager, shard, scheduler, worker, frontend.
        order: its place in the order of starting: explicit numbers with gaps, the same whatever else the stack has.
        ports: by protocol; the first is the one that clients are pointed at.
        port_paths: where the config says them, by protocol.
        scheme: of its URL; empty for a process that nobody calls.
        after: the processes that are stopped later than it.
        replica_set: the set that it is a member of.
    """

    name: str
    kind: str
    role: str
    host: str
    address: str
    order: int
    ports: Mapping[str, int] = field(default_factory=dict[str, int])
    port_paths: Mapping[str, str] = field(default_factory=dict[str, str])
    scheme: str = ""
    after: tuple[str, ...] = ()
    replica_set: str = ""

    @property
    def key(self) -> str:
        """Its name in the state."""
        return f"{self.name}@{self.host}"

    @property
    def port(self) -> int:
        """The port that clients are pointed at; 0 for a process that nobody calls."""
        return next(iter(self.ports.values()), 0)

    @property
    def place(self) -> str:
        return f"{self.address}:{self.port}"

    @property
    def endpoint(self) -> str:
        """Its URL; empty for a process that nobody calls."""
        return f"{self.scheme}://{self.place}" if self.scheme else ""


@dataclass(frozen=True)
class Topology:
    """All processes of a stack, in the order of starting, and their hosts.

    Attributes:
        encrypted: the protocols that speak TLS.
        job: the Slurm job that gives the hosts; None where they are there anyway.
    """

    stack: str
    hosts: Mapping[str, Host]
    processes: tuple[Process, ...]
    encrypted: frozenset[str] = frozenset()
    warnings: tuple[str, ...] = ()
    job: JobSpec | None = None

    def of(self, *kinds: str) -> tuple[Process, ...]:
        return tuple(process for process in self.processes if process.kind in kinds)

    def one(self, *kinds: str) -> Process | None:
        """Return the first process of these kinds: the one that clients are pointed at."""
        return next((process for process in self.processes if process.kind in kinds), None)

    def on(self, host: str) -> tuple[Process, ...]:
        return tuple(self._by_host.get(host, ()))

    @cached_property
    def _by_host(self) -> Mapping[str, list[Process]]:
        found: dict[str, list[Process]] = {}
        for process in self.processes:
            found.setdefault(process.host, []).append(process)
        return found

    def disks(self) -> dict[str, list[Host]]:
        """Return the hosts by the disk that they have, each its own or all the same."""
        if self.job:
            return {NODES: list(self.hosts.values())}
        return {host.name: [host] for host in self.hosts.values()}

    def with_image_files(self) -> list[Host]:
        """Return the hosts that have an image of their own as a file."""
        return [host for host in self.hosts.values() if host.image and not host.has_engine and not self.job]

    def members(self, replica_set: str) -> tuple[Process, ...]:
        return tuple(process for process in self.processes if process.replica_set == replica_set)

    def seeds(self, replica_set: str) -> str:
        """Return a set with its members, as MongoDB writes it: NAME/HOST:PORT,HOST:PORT."""
        return f"{replica_set}/" + ",".join(member.place for member in self.members(replica_set))
