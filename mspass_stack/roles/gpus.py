"""Which processes have accelerators: the workers of hosts where the config says so. Pure."""

from mspass_stack.config.sections import Cluster
from mspass_stack.spec.gpus import Gpus
from mspass_stack.spec.topology import Process


def gpus_of(process: Process, cluster: Cluster) -> Gpus:
    """Return those of a process; none for one that is no worker."""
    workers = cluster.pool.workers.get(process.host) if cluster.pool and process.role == "worker" else None
    return Gpus(count=workers.gpus.count, kind=workers.gpus.kind) if workers and workers.gpus else Gpus()
