"""What a site allows between its login host, its nodes and a laptop: a cluster that is up goes from one to another."""

from enum import StrEnum

from tests.harness.slurm.config import LAUNCH_PORTS
from tests.harness.slurm.network import LOGIN, NETWORK, address


class World(StrEnum):
    """What gets through; but for the first of them, this machine reaches nothing but the login host's sshd."""

    OPEN = "open"
    NO_NODE_SSH = "no_node_ssh"
    """Nobody may log in to a node."""
    NO_TCP = "no_tcp"
    """Between the login host and nodes goes what Slurm needs, and nothing else."""
    NO_FORWARDING = "no_forwarding"
    """sshd leads to no port, neither at the login host nor on a node."""
    DIAL_OUT = "dial_out"
    """As without TCP, but nodes reach the login host's sshd."""


SLURMD = 6818

FORWARDING = {World.NO_FORWARDING: "AllowTcpForwarding no\n"}
"""What sshd is told beside what it knows."""


def rules(world: World) -> list[str]:
    """What a node's own nftables let in and out."""
    begin = ["add table ip world", "delete table ip world"]
    outside = f"{address(LOGIN)}, {NETWORK.subnet}.{NETWORK.own}"
    new = "tcp flags & (syn | ack) == syn tcp dport"
    in_ = f"add rule ip world input ip saddr {{ {outside} }} {new}"
    out = f"add rule ip world output ip daddr {address(LOGIN)} {new} 22 reject with tcp reset"
    closed = f"{in_} != {{ {SLURMD}, {LAUNCH_PORTS} }} reject with tcp reset"
    found = {
        World.NO_NODE_SSH: [f"{in_} 22 reject with tcp reset"],
        World.NO_TCP: [closed, out],
        World.DIAL_OUT: [closed],
    }.get(world, [])
    if not found:
        return begin
    chains = [f"add chain ip world {hook} {{ type filter hook {hook} priority 0; }}" for hook in ("input", "output")]
    return [*begin, "add table ip world", *chains, *found]
