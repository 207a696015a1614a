"""`Gpus`: the accelerators of a process."""

from typing import Literal

from mspass_stack.spec.value import Value

Kind = Literal["nvidia", "rocm"]


class Gpus(Value):
    """Accelerators of one kind; none by default.

    Attributes:
        kind: whose: by it a container sees them.
    """

    count: int = 0
    kind: Kind = "nvidia"


def key_of(host: str) -> str:
    """Return the YAML path by which the workers of a host have some."""
    return f"mspass:cluster.pool.workers.{host}.gpus"
