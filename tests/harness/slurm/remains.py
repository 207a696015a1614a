"""What a cluster leaves on this machine while it is up, or when the process that started it is killed."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

from tests.harness.lab.claim import Claim
from tests.harness.lab.command import run
from tests.harness.lab.network import Network
from tests.harness.slurm import quota
from tests.harness.slurm.network import NETWORK
from tests.harness.slurm.node import Node

FILES = ("slurm.json", "key", "key.pub", "known_hosts", "ssh_config")
HOSTS = "hosts"
SHARED = ("home", "scratch")


class SlurmClaim(Claim):
    """The claim on the cluster's network."""

    what: ClassVar = "slurm"
    network: ClassVar[Network] = NETWORK

    def _clear(self, directory: Path) -> None:
        end(directory)
        remove(directory)


def end(directory: Path) -> None:
    """End every host that is up, and their network."""
    nodes = [Node(name, directory) for name in NETWORK.hosts()]
    with ThreadPoolExecutor() as threads:
        list(threads.map(Node.cut_power, nodes))
    NETWORK.down()


def remove(directory: Path) -> None:
    """Remove a cluster's files, and its folder if nothing else is in it."""
    run("umount", "--quiet", "--lazy", str(quota.directory(directory)), check=False)
    for name in (HOSTS, *SHARED):
        shutil.rmtree(directory / name, ignore_errors=True)
    for name in FILES:
        (directory / name).unlink(missing_ok=True)
    if directory.is_dir() and not any(directory.iterdir()):
        directory.rmdir()
