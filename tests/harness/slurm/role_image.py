"""The image of the tests as a SIF file: what `tests.harness.image` makes, packed by Apptainer, once."""

import os
import shutil
from pathlib import Path

from tests.harness import image
from tests.harness.lab import cache
from tests.harness.lab.command import run
from tests.harness.slurm import tree
from tests.harness.slurm.network import NETWORK
from tests.harness.slurm.node import Node
from tests.harness.slurm.remains import SlurmClaim

FILE = "mspass.sif"
KIND = "sif"
HOST = "builder"
SQUASH = ("--mksquashfs-args", "-comp zstd -Xcompression-level 1")
USER = "alice"


def ensure() -> Path:
    """The folder with the file, made where the cache has none."""
    return cache.ensure(KIND, _made_of(), _build)


def ensure_alone() -> str:
    """The same where no cluster is about to come up; the file's path."""
    directory = cache.directory(KIND, _made_of())
    if not directory.exists():
        with SlurmClaim(directory):
            ensure()
    return str(directory / FILE)


def _made_of() -> bytes:
    return Path(__file__).read_bytes() + image.made_of()


def _build(directory: Path) -> None:
    """Pack the tree in a host without a cable, as an ordinary user: root's builds take more than this root may."""
    home = directory / "home" / USER
    home.mkdir(parents=True)
    image.lay_out(home / "root")
    # Apptainer reads it whenever it runs something, as it does of an image that was made of Docker's.
    words = home / "root/.singularity.d/env/10-docker2singularity.sh"
    words.parent.mkdir(parents=True)
    words.write_text("".join(f"export {name}={value}\n" for name, value in image.ENVIRONMENT.items()))
    # Devices can be copied by nobody else.
    shutil.rmtree(home / "root/dev")
    (home / "root/dev").mkdir()
    owner = tree.USERS[USER]
    run("chown", "--recursive", f"{owner}:{owner}", str(home))
    NETWORK.remove_host(HOST)
    NETWORK.add_space(HOST)
    node = Node(HOST, directory / "host")
    try:
        node.prepare(tree.ensure())
        node.share("home", home.parent)
        node.boot()
        node.as_user(USER, "apptainer", "--silent", "build", *SQUASH, FILE, "root")
    finally:
        node.cut_power()
    (home / FILE).rename(directory / FILE)
    os.chown(directory / FILE, 0, 0)
    shutil.rmtree(home.parent)
    shutil.rmtree(node.directory)
