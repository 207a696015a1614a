"""What makes clusters harder to use, each as it is at some site: files of a host, and rules of its network."""

from enum import StrEnum

from tests.harness.slurm.config import LAUNCH_PORTS
from tests.harness.slurm.network import LOGIN, NETWORK, address
from tests.harness.slurm.node import Node
from tests.harness.slurm.tree import APPTAINER


class Hostile(StrEnum):
    """A thing that a cluster may have."""

    MODULE = "module"
    """Apptainer is on PATH only after `module load tacc-apptainer`, in login shells."""
    BANNERS = "banners"
    """Every bash that reads what its machine says, by ssh too, begins with words on stdout."""
    NO_HOME = "no_home"
    """Compute nodes have no /home."""
    TASK_PLUGINS = "task_plugins"
    """Slurm binds tasks to their cores, and limits them to their memory; nodes have as many cores as this machine."""
    CLOSED_PORTS = "closed_ports"
    """Compute nodes refuse what comes from the login host and from outside, but for ssh and Slurm itself."""
    NO_NODE_SSH = "no_node_ssh"
    NO_NODE_SBATCH = "no_node_sbatch"
    SMALL_LOGIN = "small_login"
    """At the login host, a user's process has 2 GiB of addresses at most."""
    QUOTA = "quota"
    """alice's folder of /scratch takes so much and no more."""


MODULES = f"""\
# For login shells.
module() {{
    case "$1 $2" in
    'load tacc-apptainer') PATH={APPTAINER.parent}:$PATH ;;
    'unload tacc-apptainer') PATH=${{PATH#{APPTAINER.parent}:}} ;;
    *)
        echo "Lmod has detected the following error: The following module(s) are unknown: \\"$2\\"" >&2
        return 1
        ;;
    esac
}}
"""

BANNER = "echo '*** Welcome. Use of this system is monitored: see {policy} and \"quotas\". ***'\n"

NO_SBATCH = "#!/bin/sh\necho 'sbatch: error: not allowed on compute nodes' >&2\nexit 1\n"

LIMITS = "".join(f"{user} hard as {2 * 1024 * 1024}\n" for user in ("alice", "bob"))


def furnish(node: Node, hostile: frozenset[Hostile]) -> None:
    """Write a host's files, before it boots."""
    if Hostile.MODULE in hostile:
        node.write("/etc/profile.d/modules.sh", MODULES)
        node.hide("/usr/bin/apptainer")
    if Hostile.BANNERS in hostile:
        node.write("/etc/profile.d/banner.sh", BANNER)
        node.write("/etc/bash.bashrc", BANNER)
    if Hostile.SMALL_LOGIN in hostile and node.name == LOGIN:
        node.write("/etc/security/limits.d/login.conf", LIMITS)
    if Hostile.NO_NODE_SSH in hostile and node.name != LOGIN:
        node.write("/etc/ssh/sshd_not_to_be_run", "")
    if Hostile.NO_NODE_SBATCH in hostile and node.name != LOGIN:
        node.write("/usr/bin/sbatch", NO_SBATCH, 0o755)


def wall(node: Node, hostile: frozenset[Hostile]) -> None:
    """Put the rules of its network into a host's namespace, which is new at every start."""
    if Hostile.CLOSED_PORTS not in hostile or node.name == LOGIN:
        return
    outside = f"{address(LOGIN)}, {NETWORK.subnet}.{NETWORK.own}"
    opened = f"tcp flags & (syn | ack) == syn tcp dport != {{ 22, 6818, {LAUNCH_PORTS} }}"
    NETWORK.filter(
        node.name,
        "add table ip wall",
        "add chain ip wall input { type filter hook input priority 0; }",
        f"add rule ip wall input ip saddr {{ {outside} }} {opened} reject with tcp reset",
    )
