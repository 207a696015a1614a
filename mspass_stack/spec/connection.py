"""`ConnectionSpec`: the settings by which a machine is reached."""

from mspass_stack.spec.value import Value


class ConnectionSpec(Value):
    """How a host is reached: over SSH; without an address it is this machine.

    Attributes:
        host: its key in the config, for messages.
        address: what SSH connects to.
        user, port: SSH's own choice (~/.ssh/config) where empty.
        key, known_hosts: files beside those that SSH reads anyway.
        jump: [USER@]HOST[:PORT] to go through.
        python: an interpreter on the host, for the agent where the login shell has none that is new enough.
        engine: the address of this machine's Docker engine; another host's is asked through its SSH connection.
        job: the stack's directory on the shared file system of a Slurm cluster, of whose job the host is a node: all
            else leads to the login host then.
        launcher: more words for the srun of a step.
        access: ways to the ports of a node, in the order in which they are tried (`machines.ways`).
        enter: the line by which its user logs in where that takes a password or a token; empty where there is none.
    """

    host: str = ""
    address: str = ""
    user: str = ""
    port: int = 0
    key: str = ""
    known_hosts: str = ""
    jump: str = ""
    python: str = ""
    engine: str = ""
    job: str = ""
    launcher: tuple[str, ...] = ()
    access: tuple[str, ...] = ()
    enter: str = ""

    def __str__(self) -> str:
        if self.job:
            return f"host '{self.host}' (of the job in {self.job})"
        return f"host '{self.host}' ({self.address})" if self.remote else f"host '{self.host}'"

    @property
    def remote(self) -> bool:
        """Whether it is another machine than the control node."""
        return bool(self.address or self.job)

    @property
    def login(self) -> "ConnectionSpec":
        """How the login host is reached, of a cluster whose node this is."""
        return self.model_copy(update={"host": "login", "job": "", "launcher": (), "access": ()})

    @property
    def of_files(self) -> "ConnectionSpec":
        """How the machine is reached on whose disk its files are."""
        return self.login if self.job else self

    def sibling(self, host: str) -> "ConnectionSpec":
        """Return how another node of the same job is reached."""
        return self.model_copy(update={"host": host})
