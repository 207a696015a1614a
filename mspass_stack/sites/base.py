"""What a site is."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from mspass_stack.config.sections import Cluster
from mspass_stack.spec.connection import ConnectionSpec
from mspass_stack.spec.job import JobSpec


class Site(Protocol):
    """Who gives the hosts of a cluster.

    Attributes:
        shares_disk: whether its hosts have one file system: then they have their files, and a certificate, together.
        measures: whether what starts a process puts in what its host has: then nothing is rendered by that.
    """

    @property
    def shares_disk(self) -> bool: ...

    @property
    def measures(self) -> bool: ...

    def claims(self, cluster: Cluster) -> bool:
        """Return whether a cluster is of this site."""
        ...

    def encrypted(self, cluster: Cluster) -> frozenset[str]:
        """Return the protocols that speak TLS there, since their words leave a machine."""
        ...

    def warnings(self, cluster: Cluster) -> Iterator[str]:
        """Yield what works there and is worth a word, with its YAML path."""
        ...

    def address(self, cluster: Cluster, stack: str, host: str) -> str:
        """Return the address of a host: for its processes, their peers, and clients on the control node."""
        ...

    def connection(self, cluster: Cluster, stack: str, host: str, base: Path) -> ConnectionSpec:
        """Return how a host is reached.

        Args:
            base: the directory that relative paths of the config start from.
        """
        ...

    def stack_dir(self, cluster: Cluster, stack: str, base: Path) -> str:
        """Return the stack's directory on each host, as an absolute path."""
        ...

    def workdir(self, cluster: Cluster, base: Path) -> str:
        """Return the user's directory on each host, as an absolute path."""
        ...

    def violations(self, cluster: Cluster, hosts: Iterable[str]) -> Iterator[str]:
        """Yield what cannot be deployed there, with its YAML path.

        Args:
            hosts: those of the config that play a role.
        """
        ...

    def job(self, cluster: Cluster, stack: str, base: Path) -> JobSpec | None:
        """Return the Slurm job by which it has its hosts; None where they are there anyway."""
        ...


def resolve_path(path: str, base: Path) -> str:
    """Return a path of the config on this machine: from `base` where it is relative, from a home where it says `~`."""
    return str(base / Path(path).expanduser())


def own_directory(stack: str, base: Path) -> str:
    """Return the directory in the project where a stack has its files on the control node."""
    return str(base / "data" / stack)
