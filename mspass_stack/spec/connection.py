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

    def __str__(self) -> str:
        return f"host '{self.host}' ({self.address})" if self.remote else f"host '{self.host}'"

    @property
    def remote(self) -> bool:
        """Whether it is another machine than the control node."""
        return bool(self.address)
