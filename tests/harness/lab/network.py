"""A network of simulated hosts: a switch, and a cable from it to each host and to this machine.

The switch is a namespace of its own: a Docker engine of this machine filters what is bridged in the machine's own.
"""

from dataclasses import dataclass
from pathlib import Path

from tests.harness.lab.command import run
from tests.harness.ports import NUMBER

CONTROLLER = "controller"
"""The switch's port of this machine; a host's port has the host's name."""
BRIDGE = "bridge"


@dataclass(frozen=True)
class Network:
    """A network.

    Attributes:
        name: of this machine's end of its cable too, the only thing that is seen outside its namespaces.
        own: the last number of this machine's address.
    """

    name: str
    subnet: str
    own: int = 1

    @property
    def spaces(self) -> str:
        """What the names of its namespaces begin with."""
        return f"{self.name}-"

    @property
    def switch(self) -> str:
        return self.space("switch")

    def space(self, name: str) -> str:
        """The network namespace of a host."""
        return f"{self.spaces}{name}"

    def up(self) -> None:
        """A switch without hosts, and this machine's cable to it."""
        run("ip", "netns", "add", self.switch)
        self._switch("link", "add", BRIDGE, "type", "bridge")
        self._switch("link", "set", BRIDGE, "up")
        run("ip", "link", "add", self.name, "type", "veth", "peer", "name", CONTROLLER, "netns", self.switch)
        self._switch("link", "set", CONTROLLER, "master", BRIDGE, "up")
        run("ip", "address", "add", f"{self.subnet}.{self.own}/24", "dev", self.name)
        run("ip", "link", "set", self.name, "up")

    def is_up(self) -> bool:
        return Path("/run/netns", self.switch).exists()

    def add_space(self, name: str) -> None:
        """The network namespace of a host, without a cable."""
        run("ip", "netns", "add", self.space(name))
        run("ip", "-n", self.space(name), "link", "set", "lo", "up")

    def connect(self, name: str, number: int, address: str) -> None:
        """A cable from a host's eth0 to the switch."""
        # A fixed MAC: after a power cut the others still know the host by it, and would look for it half a minute.
        card = ["name", "eth0", "netns", self.space(name), "address", f"02:00:0a:58:00:{number:02x}"]
        self._switch("link", "add", name, "type", "veth", "peer", *card)
        self._switch("link", "set", name, "master", BRIDGE, "up")
        # It tells the others when it comes up: a renumbered host may take an address that they know as another's.
        run("ip", "netns", "exec", self.space(name), "sysctl", "--quiet", "net.ipv4.conf.eth0.arp_notify=1")
        run("ip", "-n", self.space(name), "address", "add", f"{address}/24", "dev", "eth0")
        run("ip", "-n", self.space(name), "link", "set", "eth0", "up")

    def unplug(self, name: str) -> None:
        self._switch("link", "set", name, "down")

    def plug(self, name: str) -> None:
        self._switch("link", "set", name, "up")

    def cut(self, one: str, other: str) -> None:
        """Drop all that goes between two ports, both ways."""
        lines = ["add table bridge cuts", "add chain bridge cuts pairs { type filter hook forward priority 0; }"]
        ways = ((one, other), (other, one))
        self.filter(
            "switch", *lines, *(f'add rule bridge cuts pairs iifname "{a}" oifname "{b}" drop' for a, b in ways)
        )

    def heal(self) -> None:
        """Drop nothing any more."""
        self.filter("switch", "add table bridge cuts", "delete table bridge cuts")

    def filter(self, name: str, *lines: str) -> None:
        """Let nftables do something in the namespace of a host or of the switch."""
        run("ip", "netns", "exec", self.space(name), "nft", "--file", "-", stdin="\n".join(lines))

    def pids(self, name: str) -> list[int]:
        """What runs in a host's namespace, by pid."""
        return [int(pid) for pid in run("ip", "netns", "pids", self.space(name), check=False).split()]

    def remove_host(self, name: str) -> None:
        """Remove a host's namespace and its cable, if there are any; its processes have ended."""
        run("ip", "netns", "delete", self.space(name), check=False)
        run("ip", "-n", self.switch, "link", "delete", name, check=False)

    def hosts(self) -> list[str]:
        """The hosts that have a namespace."""
        directories = Path("/run/netns").glob(f"{self.spaces}*")
        return sorted(path.name.removeprefix(self.spaces) for path in directories if path.name != self.switch)

    def down(self) -> None:
        """Remove the switch and this machine's cable."""
        run("ip", "link", "delete", self.name, check=False)
        run("ip", "netns", "delete", self.switch, check=False)

    def _switch(self, *words: str) -> None:
        run("ip", "-n", self.switch, *words)


LAB = Network(f"mspass-lab{NUMBER}", f"10.88.{NUMBER}")
