"""The cluster's network: not a lab's, so that it may stand beside one."""

from tests.harness.lab.network import Network
from tests.harness.ports import NUMBER

NETWORK = Network(f"mspass-slurm{NUMBER}", f"10.89.{NUMBER}", own=254)
LOGIN = "login"


def number(name: str) -> int:
    """The last number of a host's address."""
    return 1 if name == LOGIN else 10 + int(name.removeprefix("n"))


def address(name: str) -> str:
    return f"{NETWORK.subnet}.{number(name)}"
