"""One host of the cluster, its login host or a compute node."""

import os
import stat
from pathlib import Path

from tests.harness.lab.command import run
from tests.harness.lab.host import Host
from tests.harness.slurm.network import NETWORK

HERE = Path(__file__).parent
ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games",
    "SHELL": "/bin/bash",
    "LANG": "C.UTF-8",
}
"""Of a user's login."""

AT_HOME = 'cd 2> /dev/null || cd /; exec "$@"'
"""Runs a command at home; where there is none, sshd too begins at the root."""


class Node(Host):
    """A host.

    Args:
        directory: for its disk.
    """

    def __init__(self, name: str, directory: Path) -> None:
        super().__init__(name, directory, native=True, network=NETWORK)

    def share(self, at: str, directory: Path) -> None:
        """Have a folder of this machine at a place in its root, from its next boot on; /apps cannot be written."""
        shared = self.directory / "shared"
        shared.mkdir(exist_ok=True)
        (shared / at.replace("/", "%")).symlink_to(directory)

    def hide(self, path: str) -> None:
        """Take a file of the tree away, before it boots."""
        self.write(path, "")
        (self._upper / path.lstrip("/")).unlink()
        # As an overlay marks what is removed.
        os.mknod(self._upper / path.lstrip("/"), stat.S_IFCHR)

    def user_words(self, user: str, *argv: str) -> list[str]:
        """The command that runs another one in it as a user."""
        environment = {"USER": user, "LOGNAME": user, "HOME": f"/home/{user}"} | ENVIRONMENT
        words = ["env", "-i", *(f"{key}={value}" for key, value in environment.items())]
        return self.inside("runuser", "--user", user, "--", *words, "sh", "-c", AT_HOME, "sh", *argv)

    def as_user(self, user: str, *argv: str, check: bool = True, stdin: str = "") -> str:
        """Run a command in it as a user, at home; its stdout."""
        return run(*self.user_words(user, *argv), check=check, stdin=stdin)

    def _first_words(self) -> list[str]:
        tree = os.path.realpath(self.directory / "tree")
        return ["bash", str(HERE / "init.sh"), self.name, tree, f"{NETWORK.name}/{self.name}"]
