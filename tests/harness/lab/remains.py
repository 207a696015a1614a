"""What a lab leaves on this machine while it is up, or when the process that started it is killed."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.harness.lab import network
from tests.harness.lab.host import Host

FILES = ("lab.json", "key", "key.pub", "known_hosts", "ssh_config")
DISKS = "hosts"


def end(folder: Path) -> None:
    """End every host that is up, whichever they are: one lab is up at a time. Their network goes too."""
    hosts = [Host(name, folder) for name in network.hosts()]
    with ThreadPoolExecutor() as threads:
        list(threads.map(Host.cut_power, hosts))
    network.down()


def remove(folder: Path) -> None:
    """Remove a lab's files, and its folder if nothing else is in it."""
    shutil.rmtree(folder / DISKS, ignore_errors=True)
    for name in FILES:
        (folder / name).unlink(missing_ok=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
