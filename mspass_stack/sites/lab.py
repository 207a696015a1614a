"""Several machines that the config names, each reached over SSH; one of them may be this machine."""

from collections import Counter
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from pathlib import Path, PurePosixPath

from mspass_stack.config import rules
from mspass_stack.config.sections import KEY, Cluster
from mspass_stack.sites.base import resolve_path
from mspass_stack.spec.connection import ConnectionSpec
from mspass_stack.spec.job import JobSpec
from mspass_stack.spec.topology import DASK, HTTP, MONGODB


class Lab:
    """Several machines on one network."""

    shares_disk, measures = False, False

    def claims(self, cluster: Cluster) -> bool:
        return any(host.ssh for host in cluster.hosts.values())

    def encrypted(self, cluster: Cluster) -> frozenset[str]:
        pages = {HTTP} if cluster.frontend and cluster.frontend.expose else set[str]()
        return frozenset({DASK, MONGODB, *pages} if cluster.encryption else pages)

    def warnings(self, cluster: Cluster) -> Iterator[str]:
        if not cluster.encryption:
            yield (
                f"{KEY}.encryption: false: whoever is on the network reads documents and passwords, and runs programs "
                "as the user of the workers"
            )

    def address(self, cluster: Cluster, stack: str, host: str) -> str:
        return cluster.hosts[host].address

    def connection(self, cluster: Cluster, stack: str, host: str, base: Path) -> ConnectionSpec:
        declared = cluster.hosts[host]
        python = declared.python or cluster.python or ""
        if (ssh := declared.ssh) is None:
            return ConnectionSpec(host=host, python=python)
        key, known_hosts = (resolve_path(path, base) if path else "" for path in (ssh.key, ssh.known_hosts))
        return ConnectionSpec(
            host=host,
            address=declared.address,
            user=ssh.user or "",
            port=ssh.port or 0,
            key=key,
            known_hosts=known_hosts,
            jump=ssh.jump or "",
            python=python,
        )

    def stack_dir(self, cluster: Cluster, stack: str, base: Path) -> str:
        return str(PurePosixPath(cluster.datadir or "/"))

    def workdir(self, cluster: Cluster, base: Path) -> str:
        return str(PurePosixPath(cluster.workdir))

    def job(self, cluster: Cluster, stack: str, base: Path) -> JobSpec | None:
        return None

    def violations(self, cluster: Cluster, hosts: Iterable[str]) -> Iterator[str]:
        yield from _addresses(cluster, list(hosts))
        yield from rules.directories(cluster, "an absolute path, the same on all hosts, that the ssh user may write to")


def _addresses(cluster: Cluster, hosts: list[str]) -> Iterator[str]:
    """Every host has an address for the others, and only one of them can be this machine."""
    here = [host for host in hosts if not cluster.hosts[host].ssh]
    if len(here) > 1:
        yield f"{KEY}.hosts: without ssh each of {', '.join(here)} is this machine: expected at most one such host"
    for host in hosts:
        if ":" in (address := cluster.hosts[host].address):
            yield f"{KEY}.hosts.{host}.address: {address!r}: expected a name or an IPv4 address"
        elif _is_loopback(address):
            yield f"{KEY}.hosts.{host}.address: {address!r}: expected an address by which other hosts reach it"
    addresses = Counter(address for host in hosts if not _is_loopback(address := cluster.hosts[host].address))
    for address, times in addresses.items():
        if times > 1:
            yield f"{KEY}.hosts: address {address!r} {times} times: expected one host per address"


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
