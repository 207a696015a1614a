"""The root trees that hosts start from, each made once: Debian with sshd, and with a Docker engine or with Python."""

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from tests.harness.lab import cache, environment
from tests.harness.lab.command import run

PACKAGES = (
    *("openssh-server", "openssh-sftp-server", "openssh-client", "tini"),
    *("hostname", "iproute2", "iptables", "mount", "netbase", "procps"),
)
"""Of every host, beside Debian's essential ones."""

DOCKER = ("docker.io",)
"""Of a Docker host. No Python: it need not have one."""

NATIVE = ("python3", "libcurl4", "libssl3", "libstdc++6")
"""Of a native host: Python, and mongod's libraries."""

USER = "mspass"
USER_ID = 1000

LOGIN = "\n# Of login shells alone.\nexport LOGIN_SHELL_SAYS=hello\n"
"""What the user's .profile says on a native host."""


def ensure() -> Path:
    """The tree of a Docker host, built where the cache has none."""
    return cache.ensure("tree", Path(__file__).read_bytes(), _build_docker)


def ensure_native() -> Path:
    """The tree of a native host: it has no Docker, and environments of Python as users have them."""
    # Not `tree-native`: the cache would take it for one of the kind `tree`, and remove it as an old one.
    return cache.ensure("native-tree", Path(__file__).read_bytes() + environment.made_of(), _build_native)


def _build_docker(root: Path) -> None:
    _build(root, DOCKER, "--groups=docker")


def _build_native(root: Path) -> None:
    _build(root, NATIVE)
    environment.build(root)
    with (root / f"home/{USER}/.profile").open("a") as profile:
        profile.write(LOGIN)


def debian(root: Path, packages: Sequence[str], release: str, *options: str) -> None:
    """Debian's essential packages of a release and others, with nothing of this machine but its mirror.

    Args:
        options: of apt.
    """
    mirror = run("apt-get", "indextargets", "--format", "$(REPO_URI)").split()[0]
    run(
        *("mmdebstrap", "--quiet", "--mode=root", "--variant=essential", "--include=" + ",".join(packages)),
        *(f"--aptopt={option}" for option in ("Acquire::Languages none", *options)),
        *(f"--dpkgopt=path-exclude=/usr/share/{what}/*" for what in ("doc", "man", "locale")),
        *(release, str(root), mirror),
    )
    _forget(root)


def _build(root: Path, packages: Sequence[str], *of_user: str) -> None:
    release = re.search(r"^VERSION_CODENAME=(\w+)", Path("/etc/os-release").read_text(), re.MULTILINE)
    debian(root, [*PACKAGES, *packages], release[1] if release else "stable")
    inside = ("chroot", str(root))
    run(*inside, "useradd", "--create-home", f"--uid={USER_ID}", *of_user, "--shell=/bin/bash", USER)
    run(*inside, "install", "--directory", "--mode=700", "/root/.ssh")
    for directory, mode in ((f"/home/{USER}/.ssh", "700"), ("/srv/mspass", "755")):
        run(*inside, "install", "--directory", f"--owner={USER}", f"--group={USER}", f"--mode={mode}", directory)


def _forget(root: Path) -> None:
    """Remove what the tree has of this machine, and what no two hosts share."""
    for directory in ("var/lib/apt", "var/cache/apt", "etc/apt"):
        shutil.rmtree(root / directory, ignore_errors=True)
    for key in (root / "etc/ssh").glob("ssh_host_*"):
        key.unlink()
    for name in ("resolv.conf", "machine-id"):
        (root / "etc" / name).write_text("")
