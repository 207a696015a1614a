"""The root tree of all hosts of the cluster, made once: Debian sid, which alone has both Slurm and Apptainer."""

from pathlib import Path, PurePosixPath

from tests.harness.lab import cache
from tests.harness.lab.command import run
from tests.harness.lab.tree import debian

PACKAGES = (
    *("slurmctld", "slurmd", "slurm-client", "slurm-wlm-basic-plugins", "munge"),
    *("apptainer", "squashfuse", "fuse3", "uidmap"),
    *("openssh-server", "openssh-sftp-server", "openssh-client", "tini", "python3"),
    *("hostname", "iproute2", "mount", "netbase", "procps"),
)
"""Beside Debian's essential ones."""

USERS = {"alice": 1000, "bob": 1001}
"""Ordinary users, by name."""

PASSWORDS = {"alice": "of alice"}
"""Who may also be asked for one."""

APPTAINER = PurePosixPath("/opt/apps/tacc-apptainer/bin/apptainer")
"""Where it is too, with what it looks for beside its own folder: a module may lead there."""

DIRECTORIES = ("/var/spool/slurmctld", "/var/spool/slurmd", "/scratch", "/apps", str(APPTAINER.parent))


def ensure() -> Path:
    """The tree, built where the cache has none."""
    return cache.ensure("slurm-tree", Path(__file__).read_bytes(), _build)


def _build(root: Path) -> None:
    # A mirror's copy of sid may be older than it says that it is good for.
    debian(root, PACKAGES, "sid", "Acquire::Check-Valid-Until false")
    inside = ("chroot", str(root))
    for user, number in USERS.items():
        run(*inside, "useradd", "--no-create-home", f"--uid={number}", "--shell=/bin/bash", user)
    run(*inside, "chpasswd", stdin="".join(f"{user}:{password}\n" for user, password in PASSWORDS.items()))
    run(*inside, "mkdir", "--parents", *DIRECTORIES)
    run(*inside, "ln", "/usr/bin/apptainer", str(APPTAINER))
    for part, target in (("etc", "/etc"), ("lib", "/usr/lib"), ("var", "/var")):
        run(*inside, "ln", "--symbolic", target, str(APPTAINER.parents[1] / part))
    # All hosts share the key, as those of a cluster do.
    run(*inside, "mungekey", "--force", "--create")
    run(*inside, "chown", "munge:", "/etc/munge/munge.key")
