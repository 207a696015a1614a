"""A folder of /scratch that takes so much and no more: a file system in memory, which all hosts share."""

import os
from pathlib import Path

from tests.harness.lab.command import run
from tests.harness.slurm.tree import USERS

USER = "alice"
SIZE = 1024 * 1024 * 1024
"""Bytes that it takes."""

FILES = 100_000
"""How many it takes."""

FILLER = ".filler"
"""What else is in it: somebody's old results."""


def directory(cluster: Path) -> Path:
    """The folder, of the cluster in another one, as this machine sees it."""
    return cluster / "scratch" / USER


def set_up(cluster: Path) -> None:
    """Make the folder, before any host boots."""
    directory(cluster).mkdir()
    owner = USERS[USER]
    options = f"size={SIZE},nr_inodes={FILES},mode=700,uid={owner},gid={owner}"
    run("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(directory(cluster)))


def fill(cluster: Path, left: int) -> None:
    """Take all but so many bytes of it."""
    free(cluster)
    free_bytes = os.statvfs(directory(cluster)).f_bavail * os.statvfs(directory(cluster)).f_frsize
    with (directory(cluster) / FILLER).open("wb") as filler:
        os.posix_fallocate(filler.fileno(), 0, free_bytes - left)


def fill_inodes(cluster: Path) -> None:
    """Let it take no more files than it has."""
    found = os.statvfs(directory(cluster))
    _limit_inodes(cluster, found.f_files - found.f_ffree)


def free(cluster: Path) -> None:
    """Give back what was taken."""
    (directory(cluster) / FILLER).unlink(missing_ok=True)
    _limit_inodes(cluster, FILES)


def _limit_inodes(cluster: Path, count: int) -> None:
    """Set how many files it takes."""
    run("mount", "-o", f"remount,nr_inodes={count}", str(directory(cluster)))
