"""The plan of a cluster: the config, laid out on its site as hosts and processes. Pure."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from mspass_stack.config import rules
from mspass_stack.config.batch import Batch
from mspass_stack.config.hosts import LOOPBACK
from mspass_stack.config.sections import KEY, Cluster
from mspass_stack.config.stage_rules import stage_violations
from mspass_stack.errors import ConfigError
from mspass_stack.roles import batch, preparation, reverse
from mspass_stack.roles.base import Command, Context, Placement, Role
from mspass_stack.roles.registry import client_binaries, client_environment, client_files, placements, role_of
from mspass_stack.runtimes import RUNTIMES, Runtime, apptainer
from mspass_stack.sites import site_of
from mspass_stack.sites.base import own_directory, resolve_path
from mspass_stack.spec.batch import BatchSpec
from mspass_stack.spec.layout import StackLayout
from mspass_stack.spec.process import ProcessSpec, SlurmProcess
from mspass_stack.spec.topology import Host, Process, Topology

ENGINE = "unix:///var/run/docker.sock"
"""Where this machine's Docker engine usually listens."""

SECURE = {"tcp": "tls", "http": "https"}
"""The scheme of an encrypted URL, by that of a plain one."""


@dataclass(frozen=True)
class Plan:
    """A cluster as it is to be.

    Attributes:
        control_dir: the directory of the stack's files on the control node.
        batch: what a job runs by itself; None where that is nothing.
        batch_source: path of its file on the control node.
    """

    cluster: Cluster
    topology: Topology
    control_dir: str
    batch: BatchSpec | None = None
    batch_source: str = ""

    def context(self, host: str) -> Context:
        return Context(self.cluster, self.topology, self.topology.hosts[host])

    def command(self, process: Process) -> Command:
        context = self.context(process.host)
        command = role_of(process).command(process, context)
        settings = client_environment(context)
        # A daemon of what is served may read how its tasks find the rest, and has settings of its own.
        if str(context.layout.client_env) not in command.reads or settings.keys() & command.environment.keys():
            return command
        return replace(
            command,
            environment={**settings, **command.environment},
            reads=(*command.reads, *client_files(context, defaultdict(str)), *self._beside(context)),
        )

    def _beside(self, context: Context) -> list[str]:
        """Return the directories of what clients on a host read beside secret files."""
        found = client_binaries(context, defaultdict(str))
        return sorted({path.rpartition("/")[0] for path in found})

    def beside(self, process: Process) -> dict[str, str]:
        """Return what programs beside a daemon have in the place of its own settings, where it reads what they need."""
        context = self.context(process.host)
        if not (settings := client_environment(context)):
            return {}
        command, known = self.command(process), client_files(context, defaultdict(str)).keys()
        return settings if known <= set(command.reads) and settings.items() - command.environment.items() else {}

    def settings(self, host: str) -> dict[str, str]:
        """Return what clients on a host have in their environment; nothing where they find no files for it."""
        known = client_files(self.context(host), defaultdict(str)).keys()
        read = {path for process in self.topology.on(host) for path in self.command(process).reads}
        return client_environment(self.context(host)) if known <= read else {}

    def render(self, process: Process) -> ProcessSpec:
        """Return a process as its host runs it."""
        return self.runtime(process.host).render(self.command(process), process, self.context(process.host))

    def preparation(self) -> tuple[str, ...]:
        """Return the words that run a Python where a job prepares its database; none where no job does."""
        host = next(iter(self.topology.hosts))
        if not self.topology.job or not self.cluster.database:
            return ()
        context, directory = self.context(host), str(preparation.directory(self.topology.hosts[host].layout))
        words = apptainer.enclosed(context, directory, preparation.reads(context), (directory,))
        return (*words, context.host.python, "-I")

    def reverse(self) -> list[SlurmProcess]:
        """Return what leads login hosts to Jupyter, where a job dials out to them."""
        if (place := reverse.place(self.topology)) is None:
            return []
        pages = self.render(place)
        assert isinstance(pages, SlurmProcess)
        return reverse.processes(self.topology, pages)

    def memory(self, processes: Iterable[Process]) -> dict[str, int]:
        """Return the bytes that the config grants processes, each with its YAML path, and how often where that is."""
        granted: dict[str, list[int]] = {}
        for process in processes:
            for path, size in role_of(process).memory(process, self.context(process.host)):
                granted.setdefault(path, []).append(size)
        return {
            f"{KEY}.{path}{f' x {len(sizes)} =' if len(sizes) > 1 else ''}": sum(sizes)
            for path, sizes in granted.items()
        }

    def runtime(self, host: str) -> Runtime:
        return RUNTIMES[self.topology.hosts[host].runtime]


def make_plan(
    cluster: Cluster,
    stack: str,
    cores: Mapping[str, int],
    base: Path,
    python: str,
    engine: str = ENGINE,
    replace_job: bool = False,
    rescue: bool = False,
) -> Plan:
    """Lay out the processes of a cluster.

    Args:
        stack: the name of the Pulumi stack.
        cores: CPUs by host, for workers whose config gives no `processes`.
        base: the directory that relative paths of the config start from, on the control node.
        python: the interpreter on the control node that has dask and jupyterlab, where the config names none.
        engine: the address of the control node's Docker engine.
        replace_job: whether a Slurm job that runs may be stopped for another one.
        rescue: whether the next one asks for the nodes on which the last one has left data.

    Raises:
        ConfigError: it cannot be deployed; one line per problem, each with its YAML path.
    """
    check(cluster)
    site, placed = site_of(cluster), list(placements(cluster))
    names = dict.fromkeys(placement.host for _, placement in placed)
    # A protocol that nobody listens with (Jupyter without a pool) needs no certificates.
    spoken = frozenset(protocol for _, placement in placed for protocol in placement.ports)
    stack_dir, hosts = site.stack_dir(cluster, stack, base), dict[str, Host]()
    for name in names:
        declared, connection = cluster.hosts[name], site.connection(cluster, stack, name, base)
        runtime = RUNTIMES[declared.runtime or cluster.runtime]
        own = declared.python or cluster.python or (None if connection.remote else python)
        hosts[name] = Host(
            name=name,
            address=site.address(cluster, stack, name),
            connection=connection.model_copy(update={"engine": engine})
            if runtime.engine and not connection.remote
            else connection,
            runtime=declared.runtime or cluster.runtime,
            python=runtime.python(declared.python or cluster.python, own),
            stack_dir=stack_dir,
            workdir=site.workdir(cluster, base),
            cores=cores.get(name, 0),
            measured=site.measures,
            temporary=runtime.temporary(StackLayout(stack_dir)),
            image=runtime.image(cluster),
            has_engine=runtime.engine,
            shares_disk=site.shares_disk,
        )
    encrypted = site.encrypted(cluster) & spoken
    warnings = (*rules.warnings(cluster), *site.warnings(cluster), *_idle(cluster, names))
    job = site.job(cluster, stack, base)
    job = job.model_copy(update={"replace": replace_job, "rescue": rescue}) if job else None
    topology = Topology(stack, hosts, _processes(placed, hosts, encrypted), encrypted, warnings, job)
    # Where the control node is one of the hosts, its user's files are among that host's.
    here = next((host.stack_dir for host in hosts.values() if not host.connection.remote), own_directory(stack, base))
    plan = Plan(cluster, topology, here)
    if cluster.batch:
        source = resolve_path(cluster.batch.run, base)
        plan = replace(plan, batch=_batch(plan, cluster.batch, source), batch_source=source)
    if problems := list(_crowded(plan)):
        raise ConfigError("\n".join(problems))
    return plan


def check(cluster: Cluster) -> None:
    """Judge a config whose single values are right.

    Raises:
        ConfigError: it does not fit together; one line per violation, each with its YAML path.
    """
    if problems := list(violations(cluster)):
        raise ConfigError("\n".join(problems))


def violations(cluster: Cluster) -> Iterator[str]:
    """Yield everything that does not fit together in a config."""
    yield from rules.violations(cluster)
    yield from stage_violations(cluster)
    yield from _unknown_hosts(cluster)
    yield from _unknown_runtimes(cluster)
    yield from _ports_twice(cluster)
    known = dict.fromkeys(placement.host for _, placement in placements(cluster) if placement.host in cluster.hosts)
    yield from site_of(cluster).violations(cluster, known)


def _batch(plan: Plan, asked: Batch, source: str) -> BatchSpec:
    """Return what the job runs by itself.

    Raises:
        ConfigError: its file cannot be read.
    """
    try:
        content = Path(source).read_bytes()
    except OSError as error:
        raise ConfigError(f"{KEY}.batch.run: {asked.run!r}: {error.strerror} ({source})") from None
    place = batch.place(plan.topology)
    beside, workdir = plan.render(place), plan.topology.hosts[place.host].workdir
    assert isinstance(beside, SlurmProcess)
    probes = [plan.command(process).probe for process in batch.workers(plan.topology)]
    return batch.spec(asked, content, beside, workdir, probes)


def _idle(cluster: Cluster, used: Collection[str]) -> Iterator[str]:
    """Yield a word on nodes that are asked for, and paid, and play no role."""
    if cluster.slurm and (idle := [host for host in cluster.slurm.hosts if host not in used]):
        yield f"{KEY}.slurm.nodes: {cluster.slurm.nodes}: {', '.join(idle)} would be asked for and play no role"


def _crowded(plan: Plan) -> Iterator[str]:
    """Refuse a node that is asked for with less memory than the config puts on it."""
    asked = (plan.cluster.slurm and plan.cluster.slurm.memory) or 0
    for host in plan.topology.hosts if asked else ():
        granted = plan.memory(plan.topology.on(host))
        if sum(granted.values()) > asked:
            parts = ", ".join(f"{path} {size / 1024**3:.1f} GiB" for path, size in granted.items())
            yield f"{KEY}.slurm.memory: {asked / 1024**3:.1f} GiB: less than is put on {host}: {parts}"


def _processes(
    placed: list[tuple[Role, Placement]], hosts: Mapping[str, Host], encrypted: frozenset[str]
) -> tuple[Process, ...]:
    processes: list[Process] = []
    for role, placement in placed:
        protocol = next(iter(placement.ports), "")
        secure = protocol in encrypted
        processes.append(
            Process(
                name=placement.name,
                kind=role.kind,
                role=role.role,
                host=placement.host,
                address=LOOPBACK if placement.inside else hosts[placement.host].address,
                order=role.order,
                ports={name: port for name, (port, _) in placement.ports.items()},
                port_paths={name: path for name, (_, path) in placement.ports.items()},
                scheme=SECURE.get(placement.scheme, placement.scheme) if secure else placement.scheme,
                after=tuple(earlier.name for earlier in processes if earlier.order < role.order),
                replica_set=placement.replica_set,
            )
        )
    return tuple(processes)


def _unknown_hosts(cluster: Cluster) -> Iterator[str]:
    given = cluster.slurm.gives if cluster.slurm else f"hosts: {', '.join(cluster.hosts)}"
    for _, placement in placements(cluster):
        if placement.host not in cluster.hosts:
            yield f"{KEY}.{placement.path}: unknown host '{placement.host}' ({given})"


def _unknown_runtimes(cluster: Cluster) -> Iterator[str]:
    declared = {"runtime": cluster.runtime}
    declared |= {f"hosts.{name}.runtime": host.runtime for name, host in cluster.hosts.items() if host.runtime}
    for path, runtime in declared.items():
        if runtime not in RUNTIMES:
            known = " or ".join(repr(name) for name in RUNTIMES)
            yield f"{KEY}.{path}: {runtime!r}: expected {known}"


def _ports_twice(cluster: Cluster) -> Iterator[str]:
    declared = [
        (placement.host, port, path) for _, placement in placements(cluster) for port, path in placement.ports.values()
    ]
    for host, port in dict.fromkeys((host, port) for host, port, _ in declared):
        paths = dict.fromkeys(path for other, number, path in declared if (other, number) == (host, port))
        # A host twice in one set is another rule's.
        if len(paths) > 1:
            yield f"{KEY}: port {port} twice on host '{host}': {' and '.join(paths)}"
        if port > 65535:
            yield f"{KEY}.database.port: {port} on host '{host}' is no port: expected a lower one to count from"
