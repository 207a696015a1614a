"""`Gpus`: the accelerators of a process."""

import re
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


def count_in(resources: str) -> int:
    """Return how many accelerators are among generic resources, as Slurm writes them: `gpu:2`, `gres/gpu:a100:2`."""
    parts = [re.split("[:/=]", part) for part in resources.split(",")]
    return sum(int(part[-1]) if part[-1].isdigit() else 1 for part in parts if "gpu" in part)
