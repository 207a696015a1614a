"""The cluster's network: not a lab's, so that it may stand beside one."""

from tests.harness.lab.network import CONTROLLER, Network
from tests.harness.ports import NUMBER

NETWORK = Network(f"mspass-slurm{NUMBER}", f"10.89.{NUMBER}", own=254)
LOGIN = "login"


SSH_PORTS = "22, 2222"
"""The login host's."""


def number(name: str) -> int:
    """The last number of a host's address."""
    return 1 if name == LOGIN else 10 + int(name.removeprefix("n"))


def address(name: str) -> str:
    return f"{NETWORK.subnet}.{number(name)}"


def shut() -> None:
    """Drop all that goes between this machine and the hosts, but for the login host's sshd."""
    in_, out = f'iifname "{CONTROLLER}"', f'oifname "{CONTROLLER}"'
    NETWORK.filter(
        "switch",
        "add table bridge wall",
        "add chain bridge wall ports { type filter hook forward priority 1; }",
        "add rule bridge wall ports ether type arp accept",
        f'add rule bridge wall ports {in_} oifname "{LOGIN}" tcp dport {{ {SSH_PORTS} }} accept',
        f'add rule bridge wall ports {out} iifname "{LOGIN}" tcp sport {{ {SSH_PORTS} }} accept',
        f"add rule bridge wall ports {in_} drop",
        f"add rule bridge wall ports {out} drop",
    )


def unshut() -> None:
    """Drop nothing of that any more."""
    NETWORK.filter("switch", "add table bridge wall", "delete table bridge wall")
