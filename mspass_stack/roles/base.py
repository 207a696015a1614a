"""What a role is; each of them is one file and one entry of the registry."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Literal

from mspass_stack.config.sections import Cluster
from mspass_stack.spec.binary import Binary
from mspass_stack.spec.layout import StackLayout
from mspass_stack.spec.probe import Probe
from mspass_stack.spec.topology import Host, Process, Topology


@dataclass(frozen=True)
class Placement:
    """One process that a role has by the config.

    Attributes:
        path: where the config says its host, below the cluster's key.
        ports: number and path of each, by protocol; the first is the one that clients are pointed at.
        scheme: of its URL; empty for a process that nobody calls.
        replica_set: the set that it is a member of.
        inside: whether it listens on its host's loopback alone.
    """

    name: str
    host: str
    path: str
    ports: Mapping[str, tuple[int, str]] = field(default_factory=dict[str, tuple[int, str]])
    scheme: str = ""
    replica_set: str = ""
    inside: bool = False


@dataclass(frozen=True)
class Context:
    """What a role is asked with about one of its processes: the plan, and the process's host."""

    cluster: Cluster
    topology: Topology
    host: Host

    @property
    def layout(self) -> StackLayout:
        return self.host.layout

    @property
    def keeps_data_local(self) -> bool:
        """Whether a database's data are on the own disk of a job's node, and its directory there only inside."""
        return bool(self.topology.job) and self.topology.job.storage == "local"


@dataclass(frozen=True)
class HealthCheck:
    """What a container looks at by itself, for `docker ps`: a port that takes connections, or a page behind it."""

    address: str
    port: int
    path: str = ""


@dataclass(frozen=True)
class Command:
    """How a process is started and stopped, whatever the runtime.

    Attributes:
        directory: where it works.
        reads: secret files; `env_files` of them are its environment.
        writes: directories of the stack and of the user that it works in.
        stop_grace: seconds between the stop signal and SIGKILL.
        memory, cpus: what it is meant to use at most, in bytes and cores; 0 is no limit.
        holds_data: whether it opens data that two must not.
        oom_score: how soon it goes when the memory that it shares with others is used up, from 0 to 1000.
        room: bytes that others leave to it where they share out the memory of its host.
        parts: into how many its own share goes; 0 is one for each core.
        gated: whether it waits for a database that its job prepares.
    """

    argv: tuple[str, ...]
    directory: str
    probe: Probe
    health: HealthCheck
    stop_grace: int
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    env_files: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    stop_signal: Literal["TERM", "INT"] = "TERM"
    memory: int = 0
    cpus: int = 0
    holds_data: bool = False
    oom_score: int = 0
    room: int = 0
    parts: int = 0
    gated: bool = False


@dataclass(frozen=True)
class Needs:
    """What a host must have for a process.

    Attributes:
        programs: by name.
        modules: of the host's Python; `java` is one for its Spark.
        versions: distributions that must be of one release on all hosts that speak to each other, with their Python.
    """

    programs: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Drain:
    """What is run in the place of another process before this one is stopped, so that nothing that it holds is lost.

    Attributes:
        process: in whose environment, by name.
        python: the interpreter there.
        program: a file of `mspass_stack.agent`.
        words: its arguments.
    """

    process: str
    python: str
    program: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Turn:
    """How a process is restarted without its work standing still.

    Attributes:
        after: the processes whose restart goes before, by name.
        meanwhile: those that must do their job while it is away, by name.
        halts: what nobody does meanwhile, and for how long; empty where the work goes on.
        secret: the name of the value by which its set is asked; empty for a member of none.
    """

    after: tuple[str, ...] = ()
    meanwhile: tuple[str, ...] = ()
    halts: str = ""
    secret: str = ""


def by_halves(process: Process, workers: Sequence[Process]) -> Turn:
    """Return the turn of a worker where half of a pool restarts at a time: the first at once, the others when it is
    back.
    """
    first = workers[: (len(workers) + 1) // 2]
    names = () if process in first else tuple(worker.name for worker in first)
    return Turn(after=names, meanwhile=names)


@dataclass(frozen=True)
class Guest:
    """What clients have on a machine that is no host of theirs, and to which hosts connect back.

    Attributes:
        host: one of those, by name.
        environment: `spec.resources.HERE` stands for the address by which hosts see the machine, OWN_PYTHON for its
            interpreter.
        files: secret ones, content by path.
        needs: what the machine must have, as a host.
    """

    host: str
    environment: Mapping[str, str]
    files: Mapping[str, str]
    needs: Needs


@dataclass(frozen=True)
class Share:
    """How many workers a process runs, with so many threads each, and at most so many bytes (0 is no limit).

    On a host that is measured, 0 is what that one has.
    """

    workers: int = 0
    threads: int = 0
    memory: int = 0


class Role:
    """A part that processes play. The methods are pure; what is not said here is nothing.

    Attributes:
        kind: its key in the registry.
        role: MsPASS's word for what it does.
        order: its place in the order of starting; numbers have gaps, so that a new role renumbers nobody.
        serves: what clients find at its first process: `database`, `scheduler`, `frontend`.
        speaks: the protocols that it uses, of which a site may ask that they are encrypted.
        client_script: what finds the rest for clients, in the shell that reads their environment.
        elsewhere: what clients are told on a machine that has not what lets one in.
        secrets: the random values that its files hold: form by name.
        alike: whether its processes differ in little but their hosts, and may be many: a job has them as one resource,
            and its component declares their check.
    """

    kind: str
    role: str
    order: int
    serves: str = ""
    speaks: frozenset[str] = frozenset()
    client_script: str = ""
    elsewhere: str = ""
    secrets: Mapping[str, str] = {}
    alike: bool = False

    def placements(self, cluster: Cluster) -> Iterator[Placement]:
        """Yield the processes that a config asks for."""
        raise NotImplementedError

    def command(self, process: Process, context: Context) -> Command:
        """Return how a process is started, stopped and probed."""
        raise NotImplementedError

    def needs(self, process: Process, context: Context) -> Needs:
        """Return what its host must have."""
        return Needs()

    def data(self, process: Process, layout: StackLayout) -> PurePosixPath | None:
        """Return the directory of data that outlive it."""
        return None

    def memory(self, process: Process, context: Context) -> Iterator[tuple[str, int]]:
        """Yield the bytes that the config grants it, each with its YAML path below the cluster's key."""
        yield from ()

    def files(self, process: Process, context: Context, values: Mapping[str, str]) -> Mapping[str, str]:
        """Return its secret files on its host, content by path.

        Args:
            values: secrets by name, with the certificate of its host and the env file of clients there.
        """
        return {}

    def client(self, process: Process, values: Mapping[str, str], authority: str) -> Mapping[str, str]:
        """Return the environment by which clients find what its first process serves.

        Args:
            authority: the path of who signs its certificate; empty where it speaks without encryption.
        """
        return {}

    def client_files(self, process: Process, context: Context, values: Mapping[str, str]) -> Mapping[str, str]:
        """Return the secret files by which clients on a host use what its first process serves, content by path."""
        return {}

    def client_binaries(self, process: Process, context: Context, values: Mapping[str, str]) -> Mapping[str, Binary]:
        """Return the files beside those that are no texts and no secrets, by path."""
        return {}

    def client_environment(self, process: Process, context: Context) -> Mapping[str, str]:
        """Return what only the clients on one host have in their environment."""
        return {}

    def guest(
        self, process: Process, context: Context, directory: PurePosixPath, values: Mapping[str, str]
    ) -> Guest | None:
        """Return what clients have where no host is; None where that needs no more than `client` says.

        Args:
            directory: for their files.
        """
        return None

    def drain(self, process: Process, context: Context) -> Drain | None:
        """Return what is to be done before a process is stopped."""
        return None

    def turn(self, process: Process, context: Context) -> Turn | None:
        """Return what its restart waits for; None when it waits for nothing."""
        return None

    def share(self, process: Process, context: Context) -> Share:
        """Return the workers that it runs."""
        return Share()


OWN_MODULES_FIRST = (
    "import sys; sys.path[:] = [p for p in sys.path if p]; "
    "import os, runpy; here = os.getcwd(); sys.path[:] = [p for p in sys.path if p != here] + [here]; "
)
"""The working directory behind all other modules: the user's `signal.py` there is for notebooks and tasks to import and
must not take a daemon down. `sys` is part of the interpreter; all else is a file that could be there."""

RUN_MODULE = "del sys.argv[0]; runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)"


def run_module(python: str, *words: str, before: str = "") -> tuple[str, ...]:
    """Return the command line that runs a module of an interpreter, as `python -m`; the first word names it.

    Args:
        before: statements that go before it.
    """
    return (python, "-c", OWN_MODULES_FIRST + before + RUN_MODULE, *words)
