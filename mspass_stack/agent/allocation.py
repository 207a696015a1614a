"""Say which nodes a job has: the file by which everybody finds them, and the names by which they find each other."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from . import settings

FILE, HOSTS = "allocation.json", "hosts"
"""Of the run directory: what is known of the job that runs, and the hosts file that all containers have."""


class Allocation:
    """Know the nodes of the job that a run directory was last started in."""

    def __init__(self, run: Path) -> None:
        self.run = run

    def read(self) -> dict[str, Any]:
        """Return `job`, `restart`, `local`, `nodes` (name, address, cores and memory by host), `end` and `step`."""
        try:
            return dict(json.loads((self.run / FILE).read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return {}

    def write(
        self, job: str, restart: int, local: str, nodes: Mapping[str, Mapping[str, Any]], end: str, step: str = ""
    ) -> None:
        """Write it down, with the hosts file; a container that runs has the file of its own start.

        Args:
            step: the one without which the cluster is not up, of a job that goes on when that has ended.
        """
        known = {"job": job, "restart": restart, "local": local, "nodes": nodes, "end": end, "step": step}
        settings.write(self.run / FILE, json.dumps(known, indent=1) + "\n")

    def write_hosts(self, nodes: Mapping[str, Mapping[str, Any]], names: Mapping[str, str]) -> None:
        """Write the hosts file.

        Args:
            nodes: name and address by host.
            names: the name by which everybody knows a host, by host.
        """
        lines = ["127.0.0.1 localhost", *(f"{nodes[host]['address']} {names[host]} {host}" for host in nodes)]
        settings.write(self.run / HOSTS, "\n".join(lines) + "\n")

    @property
    def is_here(self) -> bool:
        """Whether this process is in that job."""
        return bool(os.environ.get("SLURM_JOB_ID")) and self.read().get("job") == os.environ["SLURM_JOB_ID"]

    @property
    def local(self) -> Path:
        """The directory of the job on this node; outside of the job, one that there is none of."""
        return Path(self.read()["local"]) if self.is_here else self.run / "no-job"

    def node(self, host: str) -> str:
        """Return Slurm's name of a host's node.

        Raises:
            LookupError: the job has none for it.
        """
        return str(self.read()["nodes"][host]["name"])


def by_host(names: Sequence[str], addresses: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return name and address of each node, by host: node0 is the first."""
    return {f"node{number}": {"name": name, "address": addresses[number]} for number, name in enumerate(names)}


def address_of(node: str, suffix: str = "", domain: str = "") -> str:
    """Return the address of a node.

    Args:
        node: Slurm's name.
        suffix: what makes that the name of its interface to the others.
        domain: that the name needs to be found.

    Raises:
        OSError: the name is not known.
    """
    name = f"{node}{suffix}{domain and '.'}{domain}"
    found = socket.getaddrinfo(name, None, socket.AF_INET, socket.SOCK_STREAM)
    return str(found[0][4][0])
