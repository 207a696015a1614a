"""This machine alone: everything listens on its loopback interface."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from mspass_stack.config.hosts import LOOPBACK
from mspass_stack.config.sections import KEY, Cluster
from mspass_stack.sites.base import own_directory, resolve_path
from mspass_stack.spec.connection import ConnectionSpec
from mspass_stack.spec.job import JobSpec


class Desktop:
    """This machine alone."""

    shares_disk, measures = False, False

    def claims(self, cluster: Cluster) -> bool:
        return not any(host.ssh for host in cluster.hosts.values())

    def encrypted(self, cluster: Cluster) -> frozenset[str]:
        return frozenset()

    def warnings(self, cluster: Cluster) -> Iterator[str]:
        yield from ()

    def address(self, cluster: Cluster, stack: str, host: str) -> str:
        return LOOPBACK

    def connection(self, cluster: Cluster, stack: str, host: str, base: Path) -> ConnectionSpec:
        return ConnectionSpec(host=host, python=cluster.hosts[host].python or cluster.python or "")

    def stack_dir(self, cluster: Cluster, stack: str, base: Path) -> str:
        return resolve_path(cluster.datadir, base) if cluster.datadir else own_directory(stack, base)

    def workdir(self, cluster: Cluster, base: Path) -> str:
        return resolve_path(cluster.workdir, base)

    def job(self, cluster: Cluster, stack: str, base: Path) -> JobSpec | None:
        return None

    def violations(self, cluster: Cluster, hosts: Iterable[str]) -> Iterator[str]:
        if cluster.frontend and cluster.frontend.expose:
            yield f"{KEY}.frontend.expose: this machine has no address for others: expected none, or hosts with ssh:"
        here = list(hosts)
        if len(here) > 1:
            yield f"{KEY}.hosts: without ssh each of {', '.join(here)} is this machine: expected at most one such host"
        for key, host in cluster.hosts.items():
            if host.address != LOOPBACK:
                expected = f"expected {LOOPBACK!r}, or ssh: for another machine"
                yield f"{KEY}.hosts.{key}: {host.address!r}: without ssh this is this machine: {expected}"
