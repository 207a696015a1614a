"""The root tree that all hosts start from: Debian with sshd and a Docker engine, made once."""

import re
import shutil
from pathlib import Path

from tests.harness.lab import cache
from tests.harness.lab.command import run

PACKAGES = (
    *("docker.io", "openssh-server", "openssh-sftp-server", "openssh-client", "tini"),
    *("hostname", "iproute2", "iptables", "mount", "netbase", "procps"),
)
"""Beside Debian's essential ones. No Python: a lab's Docker host need not have one."""

USER = "mspass"


def ensure() -> Path:
    """The tree, built where the cache has none."""
    return cache.ensure("tree", Path(__file__).read_bytes(), _build)


def _build(root: Path) -> None:
    release = re.search(r"^VERSION_CODENAME=(\w+)", Path("/etc/os-release").read_text(), re.MULTILINE)
    mirror = run("apt-get", "indextargets", "--format", "$(REPO_URI)").split()[0]
    run(
        *("mmdebstrap", "--quiet", "--mode=root", "--variant=essential", "--include=" + ",".join(PACKAGES)),
        *("--aptopt=Acquire::Languages none",),
        *(f"--dpkgopt=path-exclude=/usr/share/{what}/*" for what in ("doc", "man", "locale")),
        *(release[1] if release else "stable", str(root), mirror),
    )
    inside = ("chroot", str(root))
    run(*inside, "useradd", "--create-home", "--uid=1000", "--groups=docker", "--shell=/bin/bash", USER)
    run(*inside, "install", "--directory", "--mode=700", "/root/.ssh")
    for folder, mode in ((f"/home/{USER}/.ssh", "700"), ("/srv/mspass", "755")):
        run(*inside, "install", "--directory", f"--owner={USER}", f"--group={USER}", f"--mode={mode}", folder)
    _forget(root)


def _forget(root: Path) -> None:
    """Remove what the tree has of this machine, and what no two hosts share."""
    for folder in ("var/lib/apt", "var/cache/apt", "etc/apt"):
        shutil.rmtree(root / folder, ignore_errors=True)
    for key in (root / "etc/ssh").glob("ssh_host_*"):
        key.unlink()
    for name in ("resolv.conf", "machine-id"):
        (root / "etc" / name).write_text("")
