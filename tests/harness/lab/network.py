"""The lab's network: a switch, and a cable from it to each host and to this machine.

The switch is a namespace of its own: a Docker engine of this machine filters what is bridged in the machine's own.
"""

from pathlib import Path

from tests.harness.lab.command import run
from tests.harness.ports import NUMBER

LAB = f"mspass-lab{NUMBER}"
SUBNET = f"10.88.{NUMBER}"
LINK = LAB
"""This machine's end of its cable, the only thing of a lab that is seen outside its namespaces."""
CONTROLLER = "controller"
"""The switch's port of this machine; a host's port has the host's name."""
SPACES = f"{LAB}-"
SWITCH = f"{SPACES}switch"
BRIDGE = "bridge"


def space(name: str) -> str:
    """The network namespace of a host."""
    return f"{SPACES}{name}"


def up() -> None:
    """A switch without hosts, and this machine's cable to it."""
    run("ip", "netns", "add", SWITCH)
    _switch("link", "add", BRIDGE, "type", "bridge")
    _switch("link", "set", BRIDGE, "up")
    run("ip", "link", "add", LINK, "type", "veth", "peer", "name", CONTROLLER, "netns", SWITCH)
    _switch("link", "set", CONTROLLER, "master", BRIDGE, "up")
    run("ip", "address", "add", f"{SUBNET}.1/24", "dev", LINK)
    run("ip", "link", "set", LINK, "up")


def is_up() -> bool:
    return Path("/run/netns", SWITCH).exists()


def add_space(name: str) -> None:
    """The network namespace of a host, without a cable."""
    run("ip", "netns", "add", space(name))
    run("ip", "-n", space(name), "link", "set", "lo", "up")


def connect(name: str, number: int, address: str) -> None:
    """A cable from a host's eth0 to the switch."""
    # A fixed MAC: after a power cut the others still know the host by it, and would look for it half a minute.
    card = ["name", "eth0", "netns", space(name), "address", f"02:00:0a:58:00:{number:02x}"]
    _switch("link", "add", name, "type", "veth", "peer", *card)
    _switch("link", "set", name, "master", BRIDGE, "up")
    # It tells the others when it comes up: a renumbered host may take an address that they know as another's.
    run("ip", "netns", "exec", space(name), "sysctl", "--quiet", "net.ipv4.conf.eth0.arp_notify=1")
    run("ip", "-n", space(name), "address", "add", f"{address}/24", "dev", "eth0")
    run("ip", "-n", space(name), "link", "set", "eth0", "up")


def unplug(name: str) -> None:
    _switch("link", "set", name, "down")


def plug(name: str) -> None:
    _switch("link", "set", name, "up")


def cut(one: str, other: str) -> None:
    """Drop all that goes between two ports, both ways."""
    lines = ["add table bridge cuts", "add chain bridge cuts pairs { type filter hook forward priority 0; }"]
    lines += [f'add rule bridge cuts pairs iifname "{a}" oifname "{b}" drop' for a, b in ((one, other), (other, one))]
    _filter(*lines)


def heal() -> None:
    """Drop nothing any more."""
    _filter("add table bridge cuts", "delete table bridge cuts")


def pids(name: str) -> list[int]:
    """What runs in a host's namespace, by pid."""
    return [int(pid) for pid in run("ip", "netns", "pids", space(name), check=False).split()]


def remove_host(name: str) -> None:
    """Remove a host's namespace and its cable, if there are any; its processes have ended."""
    run("ip", "netns", "delete", space(name), check=False)
    run("ip", "-n", SWITCH, "link", "delete", name, check=False)


def hosts() -> list[str]:
    """The hosts that have a namespace."""
    directories = Path("/run/netns").glob(f"{SPACES}*")
    return sorted(path.name.removeprefix(SPACES) for path in directories if path.name != SWITCH)


def down() -> None:
    """Remove the switch and this machine's cable."""
    run("ip", "link", "delete", LINK, check=False)
    run("ip", "netns", "delete", SWITCH, check=False)


def _switch(*words: str) -> None:
    run("ip", "-n", SWITCH, *words)


def _filter(*lines: str) -> None:
    run("ip", "netns", "exec", SWITCH, "nft", "--file", "-", stdin="\n".join(lines))
