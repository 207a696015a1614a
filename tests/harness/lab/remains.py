"""What a lab leaves on this machine while it is up, or when the process that started it is killed."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.harness.lab.host import Host
from tests.harness.lab.network import LAB

FILES = ("lab.json", "key", "key.pub", "known_hosts", "ssh_config")
DISKS = "hosts"


def end(directory: Path) -> None:
    """End every host that is up, whichever they are: one lab is up at a time. Their network goes too."""
    hosts = [Host(name, directory) for name in LAB.hosts()]
    with ThreadPoolExecutor() as threads:
        list(threads.map(Host.cut_power, hosts))
    LAB.down()


def remove(directory: Path) -> None:
    """Remove a lab's files, and its folder if nothing else is in it."""
    shutil.rmtree(directory / DISKS, ignore_errors=True)
    for name in FILES:
        (directory / name).unlink(missing_ok=True)
    if directory.is_dir() and not any(directory.iterdir()):
        directory.rmdir()
