"""`JobSpec`: the Slurm job that is asked for a stack's nodes."""

from typing import Literal

from mspass_stack.spec.apptainer import COMMAND
from mspass_stack.spec.gpus import count_in
from mspass_stack.spec.value import Value

DURABILITY = {
    "shared": "shared: all that was acknowledged, on the file system of datadir",
    "local": "local: data of the last ordered stop",
}
"""What of a database outlives its job, by the storage."""

UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


class JobSpec(Value):
    """A Slurm job.

    Attributes:
        nodes: how many.
        time: its limit, as Slurm writes it; `seconds` is the same.
        directives: options of sbatch, each `--name` or `--name=value`.
        lead: seconds before its end that it begins to stop in order.
        queue_wait: seconds that one `up` waits for it to start.
        domain: what goes behind a host's name to be the one by which all know it.
        runtime: the command of Apptainer on nodes, as words.
        prelude: shell lines that go before, on nodes and where Slurm is asked.
        python: of the nodes; searched where empty.
        launcher: more words of each srun.
        interface: of each node, by whose address other nodes reach it; empty where that is by a name.
        suffix, domain_of_nodes: what makes a node's name the address by which other nodes reach it.
        local: a directory on each node's own disk.
        storage: whether databases are on the shared file system, or on the nodes' own disks.
        checkpoint: seconds from one version of a database to the next while it runs; 0 for none.
        purged: file systems on which unused files are removed.
        reverse: the login hosts to which it dials out, so that Jupyter is reached by them.
        replace: whether one that runs may be stopped for it.
        rescue: whether it asks for the nodes on which the last one has left data.
        current: the id of one that is there already, in which the cluster is started; empty where one is submitted.
        jobs: how many of them are submitted at once, each to go on where the one before it has ended.
    """

    nodes: int
    time: str
    seconds: int
    directives: tuple[str, ...]
    lead: int
    queue_wait: int
    domain: str
    runtime: tuple[str, ...] = COMMAND
    prelude: tuple[str, ...] = ()
    python: str = ""
    launcher: tuple[str, ...] = ()
    interface: str = ""
    suffix: str = ""
    domain_of_nodes: str = ""
    local: str = "/tmp"
    storage: Literal["shared", "local"] = "shared"
    checkpoint: int = 0
    purged: tuple[str, ...] = ()
    reverse: tuple[str, ...] = ()
    replace: bool = False
    rescue: bool = False
    jobs: int = 1
    current: str = ""

    def __str__(self) -> str:
        """Return it in words: `5 nodes x 4:00:00`, `3 jobs of 5 nodes x 4:00:00`, or `job 11`."""
        if self.current:
            return f"job {self.current}"
        chain = f"{self.jobs} jobs of " if self.jobs > 1 else ""
        return f"{chain}{self.nodes} node{'s' if self.nodes > 1 else ''} x {self.time}"

    @property
    def gpus(self) -> int:
        """How many accelerators it asks each node for."""
        return sum(count_in(word.partition("=")[2]) for word in self.directives if word.startswith("--gres="))

    @property
    def durability(self) -> str:
        """What of a database outlives its job, in words."""
        unit = next((unit for unit, seconds in UNITS.items() if self.checkpoint % seconds == 0), "s")
        every = f" or checkpoint (every {self.checkpoint // UNITS[unit]}{unit})" if self.checkpoint else ""
        return f"{DURABILITY[self.storage]}{every}"

    @property
    def names(self) -> tuple[str, ...]:
        """The names by which its nodes are known, in every job."""
        hosts = [f"node{number}" for number in range(self.nodes)]
        return (*(f"{host}.{self.domain}" for host in hosts), *hosts)

    @property
    def options(self) -> tuple[str, ...]:
        """The options of sbatch by which the job is judged: what it asks for, and the word before its end."""
        return (f"--signal=B:USR1@{self.lead}", *self.directives)


def job_name(stack: str, stack_id: str) -> str:
    """Return the name that the jobs of a stack have in the queue."""
    return f"mspass-{stack}-{stack_id[:6]}"


def job_comment(stack_id: str, stack_dir: str) -> str:
    """Return the comment by which a stack knows its own among jobs of that name."""
    return f"mspass stack={stack_id} run={stack_dir}/run"
