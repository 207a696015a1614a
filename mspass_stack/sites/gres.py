"""What a job asks Slurm for so that its workers have accelerators. Pure."""

from collections.abc import Mapping

from mspass_stack.agent.gpus import NONE
from mspass_stack.config.sections import Cluster

OTHERS = ("gpus", "gpus-per-node", "gpus-per-socket", "gpus-per-task")
"""Options of sbatch that ask for the same in another way, which must not be mixed with `gres`."""

Directives = Mapping[str, str | int | bool | None]


def most_gpus(cluster: Cluster) -> int:
    """Return how many accelerators each node is asked for: Slurm gives all nodes of a job as many."""
    workers = cluster.pool.workers.values() if cluster.pool else ()
    return max((one.gpus.count for one in workers if one.gpus), default=0)


def is_asked(said: Directives, count: int) -> bool:
    """Return whether Slurm is asked for accelerators: not where that is refused, and nodes have theirs anyway.

    Args:
        said: options of sbatch by the site and its user, null for those that are dropped.
    """
    return count > 0 and said.get("gres", "") is not None


def with_gpus(directives: Directives, own: Directives, count: int) -> Directives:
    """Return options of sbatch that ask for accelerators too, beside other generic resources.

    Args:
        own: those of the user, whose `gres` is as it is to be.
    """
    if "gres" in own or not is_asked(directives, count):
        return directives
    gres = str(directives.get("gres") or "").split(",")
    kept = [part for part in gres if part and part.partition(":")[0] != "gpu"]
    asked = {name: value for name, value in directives.items() if name not in OTHERS}
    return {**asked, "gres": ",".join([*kept, f"gpu:{count}"])}


def launcher(words: tuple[str, ...], said: Directives, count: int) -> tuple[str, ...]:
    """Return the words of each srun: what is said of a step goes behind them.

    Args:
        said: as `is_asked` takes it.
    """
    return (*words, NONE) if is_asked(said, count) else words
