"""How many cores the hosts have, for workers whose config gives no number: the one thing that a plan asks of a host."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from mspass_stack.config.sections import KEY, Cluster
from mspass_stack.errors import ConfigError, Unreachable
from mspass_stack.machines import machine
from mspass_stack.sites import site_of


def cores(cluster: Cluster, base: Path) -> dict[str, int]:
    """Return cores by host: of this machine, and of the hosts with workers whose number the config leaves open.

    Args:
        base: the directory that relative paths of the config start from.

    Raises:
        ConfigError: a host has to be asked and cannot be.
    """
    if cluster.slurm:
        return dict.fromkeys(cluster.hosts, cluster.slurm.cores or 0)
    found = {host: len(os.sched_getaffinity(0)) for host, declared in cluster.hosts.items() if not declared.ssh}
    workers = cluster.pool.workers if cluster.pool else {}
    open_ = [host for host, declared in workers.items() if declared.processes is None and host not in found]
    with ThreadPoolExecutor(max(1, len(open_))) as pool:
        return found | dict(zip(open_, pool.map(partial(_ask, cluster, base), open_), strict=True))


def _ask(cluster: Cluster, base: Path, host: str) -> int:
    try:
        return int(
            machine(site_of(cluster).connection(cluster, "", host, base)).run(["getconf", "_NPROCESSORS_ONLN"]).stdout
        )
    except (Unreachable, ValueError) as error:
        path = f"{KEY}.pool.workers.{host}.processes"
        raise ConfigError(
            f"{path}: not given, and the host cannot be asked for its cores: {error}; "
            "to go on without it, write the number that it had (pulumi stack output inventory)"
        ) from None
