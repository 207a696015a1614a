"""The typed contract of the stack output `inventory`: what runs where, for verification, status and other programs."""

from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ConfigDict

from mspass_stack.spec.connection import ConnectionSpec
from mspass_stack.spec.process import ProcessSpec
from mspass_stack.spec.topology import DASK, HTTP, NODES

RENEWED_BEFORE = timedelta(days=30)
"""How long before its end `pulumi up` renews a certificate."""

CONTROL_NODE = "the control node"
"""The holder of the user's own certificate: no host has such a name."""

CONNECT = "mspass-stack connect"
"""The command that opens pages of other hosts on this machine."""

WARNED_BEFORE = timedelta(days=60)
"""How long before its end whoever looks at a cluster is told: without an `up` it stops then."""


class Entry(BaseModel):
    """One process of the stack. Holds no secret.

    Attributes:
        kind: the key of its role.
        runtime: how it is packaged.
        endpoint: its URL; empty for a process that nobody calls.
        serves: what clients find there: `database`, `scheduler`, `frontend`; empty for a process behind those.
        replica_set: the set that it is a member of.
        workers: Dask worker processes that it runs (0 for other roles), `threads` each.
        memory: limit of each of them in bytes; 0 is no limit.
        incarnation: which run of the process this is; changes with every restart.
        way: by which its ports were reached, on a node of a job: direct, ssh or relay; else empty.
        log: path of its log on its host; empty for a container, whose log its engine keeps.
        image: what the container is made of, pinned by its digest or id; under Apptainer path and digest.
        spec: what is executed, and how its readiness is probed.
        clients: what programs beside it have in the place of a daemon's own settings.
    """

    model_config = ConfigDict(extra="forbid")

    name: str
    kind: str
    role: str
    host: str
    runtime: str
    address: str
    endpoint: str
    serves: str
    replica_set: str
    ports: list[int]
    workers: int
    threads: int
    memory: int
    incarnation: str
    way: str = ""
    log: str
    image: str
    spec: ProcessSpec
    clients: dict[str, str] = {}

    @property
    def as_client(self) -> list[str]:
        """Return the words that run a program in the environment of clients, where its own is a daemon's."""
        return ["env", *(f"{key}={value}" for key, value in self.clients.items())] if self.clients else []

    @property
    def argv(self) -> list[str]:
        return list(self.spec.argv)


class Place(BaseModel):
    """A host of the stack.

    Attributes:
        user: uid:gid that owns the stack's files there, and runs its processes.
        stack_dir, workdir: absolute paths on it.
    """

    model_config = ConfigDict(extra="forbid")

    connection: ConnectionSpec
    user: str
    stack_dir: str
    workdir: str


class Inventory(BaseModel):
    """All processes of a stack, in the order of starting, and its hosts.

    Attributes:
        stack_id: the random name by which the stack knows what is its own.
        encrypted: the protocols that speak TLS.
        collections: hashed shard key by namespace, of a sharded database.
        certificates: when that of each host ends, and the control node's own.
        authority: certificate of who signs those of MongoDB's servers, PEM; empty where they speak no TLS.
        pages_authority: the same of Jupyter's pages.
    """

    model_config = ConfigDict(extra="forbid")

    stack: str
    stack_id: str
    hosts: dict[str, Place]
    encrypted: list[str]
    collections: dict[str, str]
    certificates: dict[str, datetime] = {}
    authority: str = ""
    pages_authority: str = ""
    processes: list[Entry]

    def expiry(self) -> str:
        """Return when the first certificate ends, and what is to be done; nothing where there are none."""
        if not self.certificates:
            return ""
        holder, end = min(self.certificates.items(), key=lambda item: item[1])
        left = end - datetime.now(UTC)
        if left > WARNED_BEFORE:
            return f"certificates hold until {end:%Y-%m-%d}"
        renewal = f"pulumi up renews it from {end - RENEWED_BEFORE:%Y-%m-%d} on"
        restarted = {DASK: "the pool", HTTP: "Jupyter"}
        cost = " and ".join(name for protocol, name in restarted.items() if protocol in self.encrypted)
        renewal += f", which restarts {cost}" if cost else ""
        return f"WARNING: the certificate of {holder} ends on {end:%Y-%m-%d} (in {left.days} days): {renewal}"

    def certificate_end(self, host: str) -> datetime:
        """Return when the certificate of a host ends, which nodes of a job have together."""
        return self.certificates.get(host) or self.certificates[NODES]

    def beside(self, host: str) -> list[Entry]:
        """Return the processes that have their files on the disk of a host."""
        disk = self.hosts[host].connection.of_files
        return [entry for entry in self.processes if self.hosts[entry.host].connection.of_files == disk]

    @property
    def names(self) -> list[str]:
        return [entry.name for entry in self.processes]

    def is_inside(self, entry: Entry) -> bool:
        """Return whether a process's pages are seen by their host alone, and that is not this machine."""
        probed = entry.spec.probe
        return probed.address.startswith("127.") and self.hosts[probed.host].connection.remote

    def authority_of(self, entry: Entry) -> str:
        """Return the certificate of who signs what a process shows to its probe, PEM; empty where it shows none."""
        return self.pages_authority if entry.spec.probe.kind == "https" else self.authority

    def connection(self, entry: Entry) -> ConnectionSpec:
        """Return how a process's host is reached."""
        return self.hosts[entry.host].connection

    @property
    def place_for_programs(self) -> Entry:
        """Return the process beside which programs run: the frontend, else a worker.

        Raises:
            KeyError: the stack has neither.
        """
        for entry in (*self.serving("frontend"), *(entry for entry in self.processes if entry.workers)):
            return entry
        raise KeyError(f"stack '{self.stack}' has neither a frontend nor workers: there is no place for a program")

    @property
    def database_endpoint(self) -> Entry:
        """Return where clients find the database: its first router, or the one server.

        Raises:
            KeyError: the stack has no database.
        """
        for entry in self.serving("database"):
            return entry
        raise KeyError(f"stack '{self.stack}' has no database")

    def serving(self, service: str) -> list[Entry]:
        return [entry for entry in self.processes if entry.serves == service]

    def with_role(self, role: str) -> list[Entry]:
        return [entry for entry in self.processes if entry.role == role]
