"""The typed contract of the stack output `inventory`: what runs where, for verification, status and other programs."""

from pydantic import BaseModel, ConfigDict

from mspass_stack.rendered import Probe, Reach


class Entry(BaseModel):
    """One process of the stack. Holds no secret.

    Attributes:
        endpoint: where the user's machine reaches it; empty for a process that nobody calls.
        argv: as declared.
        ports: the ports that it listens on by declaration.
        workers: Dask worker processes that it runs (0 for other roles), `threads` each.
        memory: limit of each of them in bytes; 0 is no limit.
        incarnation: which run of the process this is; changes with every restart.
        log: path of its log on its host; empty for a container, whose log its engine keeps.
        container: its name on the engine at `engine` (of this machine; another host's is found by its reach); both
            empty for a native process.
        image: what the container is made of, pinned by its digest or id.
        probe: how its readiness is seen.
    """

    model_config = ConfigDict(extra="forbid")

    name: str
    role: str
    host: str
    runtime: str
    address: str
    endpoint: str
    argv: list[str]
    ports: list[int]
    workers: int
    threads: int
    memory: int
    incarnation: str
    log: str
    container: str
    engine: str
    image: str
    probe: Probe


class Place(BaseModel):
    """A host of the stack.

    Attributes:
        user: uid:gid that owns the stack's files there, and runs its processes.
    """

    model_config = ConfigDict(extra="forbid")

    reach: Reach
    user: str


class Inventory(BaseModel):
    """All processes of a stack, in the order of starting, and its hosts.

    Attributes:
        collections: hashed shard key by namespace, of a sharded database.
    """

    model_config = ConfigDict(extra="forbid")

    stack: str
    home: str
    workdir: str
    hosts: dict[str, Place]
    collections: dict[str, str]
    processes: list[Entry]

    @property
    def names(self) -> list[str]:
        return [entry.name for entry in self.processes]

    def reach(self, entry: Entry) -> Reach:
        """The way to a process's host."""
        return self.hosts[entry.host].reach

    @property
    def entrance(self) -> Entry:
        """Where clients find the database: its first router, or the one server.

        Raises:
            KeyError: the stack has no database.
        """
        for entry in self.processes:
            if entry.role == "db" or entry.probe.kind == "mongos":
                return entry
        raise KeyError(f"stack '{self.stack}' has no database")

    def playing(self, role: str) -> list[Entry]:
        return [entry for entry in self.processes if entry.role == role]
