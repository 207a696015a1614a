"""The root tree of all hosts of the cluster, made once from a release of Debian.

Sid alone has both Slurm and Apptainer; an older release has the Slurm of its day, and runs no role.
"""

from functools import partial
from pathlib import Path, PurePosixPath

from tests.harness.lab import cache
from tests.harness.lab.command import run
from tests.harness.lab.tree import debian

SID = "sid"
BOOKWORM = "bookworm"
"""Debian 12, whose Slurm is 22.05."""

PACKAGES = (
    *("slurmctld", "slurmd", "slurm-client", "slurm-wlm-basic-plugins", "munge"),
    *("openssh-server", "openssh-sftp-server", "openssh-client", "tini", "python3"),
    *("hostname", "iproute2", "mount", "netbase", "procps"),
)
"""Beside Debian's essential ones."""

CONTAINERS = ("apptainer", "squashfuse", "fuse3", "uidmap")
"""Of sid beside that."""

USERS = {"alice": 1000, "bob": 1001}
"""Ordinary users, by name."""

PASSWORDS = {"alice": "of alice"}
"""Who may also be asked for one."""

APPTAINER = PurePosixPath("/opt/apps/tacc-apptainer/bin/apptainer")
"""Where it is too, with what it looks for beside its own folder: a module may lead there."""

DIRECTORIES = ("/var/spool/slurmctld", "/var/spool/slurmd", "/scratch", "/apps", str(APPTAINER.parent))


def ensure(release: str = SID) -> Path:
    """The tree of a release, built where the cache has none."""
    return cache.ensure(f"slurm-{release}-tree", Path(__file__).read_bytes(), partial(_build, release))


def _build(release: str, root: Path) -> None:
    packages = (*PACKAGES, *CONTAINERS) if release == SID else PACKAGES
    # A mirror's copy of sid may be older than it says that it is good for.
    debian(root, packages, release, "Acquire::Check-Valid-Until false")
    inside = ("chroot", str(root))
    for user, number in USERS.items():
        run(*inside, "useradd", "--no-create-home", f"--uid={number}", "--shell=/bin/bash", user)
    run(*inside, "chpasswd", stdin="".join(f"{user}:{password}\n" for user, password in PASSWORDS.items()))
    run(*inside, "mkdir", "--parents", *DIRECTORIES)
    if release == SID:
        run(*inside, "ln", "/usr/bin/apptainer", str(APPTAINER))
    for part, target in (("etc", "/etc"), ("lib", "/usr/lib"), ("var", "/var")):
        run(*inside, "ln", "--symbolic", target, str(APPTAINER.parents[1] / part))
    # All hosts share the key, as those of a cluster do.
    run(*inside, "mungekey", "--force", "--create")
    run(*inside, "chown", "munge:", "/etc/munge/munge.key")
