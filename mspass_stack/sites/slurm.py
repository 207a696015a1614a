"""The nodes of a Slurm allocation, reached by the login host: they share a file system, and other users are on them."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from mspass_stack.config.access import merged
from mspass_stack.config.current_job import allocation
from mspass_stack.config.sections import Cluster
from mspass_stack.config.slurm_rules import slurm_violations
from mspass_stack.sites.base import resolve_path
from mspass_stack.sites.gres import launcher, most_gpus, with_gpus
from mspass_stack.sites.profile import Profile, load_profile
from mspass_stack.spec.connection import ConnectionSpec
from mspass_stack.spec.job import JobSpec
from mspass_stack.spec.topology import DASK, MONGODB

LABEL = 40
"""Letters of a stack's name in the names of its nodes, which are labels of the DNS."""


class SlurmSite:
    """The nodes of a job."""

    shares_disk, measures = True, True

    def claims(self, cluster: Cluster) -> bool:
        return cluster.slurm is not None

    def encrypted(self, cluster: Cluster) -> frozenset[str]:
        return frozenset({DASK, MONGODB})

    def warnings(self, cluster: Cluster) -> Iterator[str]:
        yield from ()

    def address(self, cluster: Cluster, stack: str, host: str) -> str:
        """Return a name that is the same in every job: a hosts file makes it the node of the day."""
        return f"{host}.{_domain(stack)}"

    def connection(self, cluster: Cluster, stack: str, host: str, base: Path) -> ConnectionSpec:
        slurm = cluster.slurm
        assert slurm
        profile = load_profile(slurm.profile, base)
        here = ConnectionSpec(
            host=host,
            job=self.stack_dir(cluster, stack, base),
            python=profile.python,
            launcher=_launcher(cluster, profile),
            access=merged(profile.access, slurm.access).ways,
        )
        if slurm.login is None or slurm.login.ssh is None:
            return here
        ssh = slurm.login.ssh
        key, known_hosts = (resolve_path(path, base) if path else "" for path in (ssh.key, ssh.known_hosts))
        reached = {
            "address": slurm.login.address,
            "user": ssh.user or "",
            "port": ssh.port or 0,
            "jump": ssh.jump or "",
            "enter": f"mspass-stack login -s {stack}",
        }
        return here.model_copy(update={**reached, "key": key, "known_hosts": known_hosts})

    def stack_dir(self, cluster: Cluster, stack: str, base: Path) -> str:
        return str(PurePosixPath(cluster.datadir or "/"))

    def workdir(self, cluster: Cluster, base: Path) -> str:
        return str(PurePosixPath(cluster.workdir))

    def violations(self, cluster: Cluster, hosts: Iterable[str]) -> Iterator[str]:
        yield from slurm_violations(cluster)

    def job(self, cluster: Cluster, stack: str, base: Path) -> JobSpec | None:
        slurm = cluster.slurm
        assert slurm
        profile = load_profile(slurm.profile, base)
        return JobSpec(
            nodes=slurm.nodes,
            time=str(slurm.time or ""),
            seconds=slurm.time.seconds if slurm.time else 0,
            directives=tuple(_words(_directives(cluster, profile))) if slurm.time else (),
            lead=slurm.stop_before.seconds,
            queue_wait=slurm.queue_wait.seconds,
            domain=_domain(stack),
            runtime=profile.runtime,
            prelude=profile.prelude,
            python=profile.python,
            launcher=_launcher(cluster, profile),
            interface=profile.address.interface or "",
            suffix=profile.address.suffix or "",
            domain_of_nodes=profile.address.domain or "",
            local=profile.local,
            storage=cluster.database.storage if cluster.database else "shared",
            checkpoint=_checkpoint(cluster),
            purged=profile.purged,
            jobs=slurm.jobs,
            current=allocation(os.environ)[0] if slurm.job else "",
            reverse=merged(profile.access, slurm.access).reverse if cluster.frontend else (),
        )


def _checkpoint(cluster: Cluster) -> int:
    given = cluster.database and cluster.database.checkpoint
    return given.seconds if given else 0


def _domain(stack: str) -> str:
    """Return a label of the DNS made of a stack's name."""
    return re.sub(r"[^a-z0-9]+", "-", stack.lower()).strip("-")[:LABEL].strip("-") or "stack"


def _launcher(cluster: Cluster, profile: Profile) -> tuple[str, ...]:
    slurm = cluster.slurm
    assert slurm
    return launcher(profile.launcher, {**profile.directives, **slurm.directives}, most_gpus(cluster))


def _directives(cluster: Cluster, profile: Profile) -> dict[str, str | int | bool]:
    """Return the options of sbatch: ours, the site's, the user's; each may change or drop those before."""
    slurm = cluster.slurm
    assert slurm
    ours: dict[str, str | int | bool | None] = {"nodes": slurm.nodes, "time": str(slurm.time), "requeue": True}
    ours |= {name: getattr(slurm, name) for name in ("partition", "account", "qos")}
    if slurm.cores or slurm.memory:
        ours |= {"ntasks-per-node": 1, "cpus-per-task": slurm.cores}
        ours |= {"mem": f"{slurm.memory // 1024**2}M" if slurm.memory else None}
    else:
        ours["exclusive"] = True
    if profile.local_directive:
        name, _, value = profile.local_directive.partition("=")
        ours[name] = value or True
    known = with_gpus({**ours, **profile.directives, **slurm.directives}, slurm.directives, most_gpus(cluster))
    return {name: value for name, value in known.items() if value is not None}


def _words(directives: Mapping[str, str | int | bool]) -> Iterator[str]:
    for name, value in directives.items():
        yield f"--{name}" if value is True else f"--{name}={value}"
