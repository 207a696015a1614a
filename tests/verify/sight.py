"""What can be seen of a process from outside, under each runtime."""

import json
from pathlib import Path
from typing import Any, Protocol

import psutil
import testinfra

from mspass_stack.inventory import Entry, Inventory
from mspass_stack.rendered import Reach
from tests.verify.places import container_on, machine_at

LISTENING = Path(__file__).parent / "inside" / "listening.py"


class Sight(Protocol):
    """A look at one process.

    Attributes:
        machine: a testinfra `Host` in which the process and its files are seen; its modules are known at run time only.
        pid: of the process, as `machine` sees it.
    """

    machine: Any

    @property
    def pid(self) -> int: ...
    def run(self) -> str:
        """The incarnation that runs now; empty when none does."""
        ...

    def listening(self) -> set[tuple[str, int]]:
        """Addresses and ports by which it and its children can be reached from this machine and others."""
        ...

    def shown(self) -> list[str]:
        """Everything that other users of the machine, or readers of its log, may see of it."""
        ...

    def is_made_of(self, image: str) -> bool:
        """Whether what runs now was made from an image; a native process was from none, whose name is empty."""
        ...


class Native:
    """A process of the user on this machine."""

    def __init__(self, process: Entry) -> None:
        self._process = process
        self.machine: Any = testinfra.get_host("local://")

    @property
    def pid(self) -> int:
        return int(self._process.incarnation.split("-")[0])

    def run(self) -> str:
        stat = self.machine.file(f"/proc/{self.pid}/stat")
        if not stat.exists:
            return ""
        started = stat.content_string.rpartition(")")[2].split()[19]
        return f"{self.pid}-{started}-{self._process.incarnation.rpartition('-')[2]}"

    def listening(self) -> set[tuple[str, int]]:
        ours = {member.pid for member in self._family()}
        return {place for owner, place in _listeners() if owner in ours}

    def shown(self) -> list[str]:
        lines = [" ".join(member.cmdline()) for member in self._family()]
        return [*lines, self.machine.file(self._process.log).content_string]

    def is_made_of(self, image: str) -> bool:
        return not image

    def _family(self) -> list[psutil.Process]:
        first = psutil.Process(self.pid)
        return [first, *first.children(recursive=True)]


class Contained:
    """A process in a container of a Docker engine, here or on another host."""

    def __init__(self, process: Entry, reach: Reach) -> None:
        self._process = process
        self._host = machine_at(reach)
        self.machine: Any = container_on(reach, process.container)

    @property
    def pid(self) -> int:
        """The child of the container's init."""
        return int(self.machine.file("/proc/1/task/1/children").content_string.split()[0])

    def run(self) -> str:
        if not self._host.docker(self._process.container).is_running:
            return ""
        found = self._inspected()
        return f"{found['Id'][:12]}-{found['State']['StartedAt']}"

    def listening(self) -> set[tuple[str, int]]:
        if self._inspected()["HostConfig"]["NetworkMode"] == "host":
            seen: list[tuple[str, int]] = json.loads(self.machine.check_output("python3 -c %s", LISTENING.read_text()))
            return {(address, port) for address, port in seen}
        bindings: dict[str, Any] = self._inspected()["HostConfig"]["PortBindings"] or {}
        published = {(to["HostIp"], int(to["HostPort"])) for places in bindings.values() for to in places}
        ports = {port for _, port in published}
        return published | {place for _, place in _listeners() if place[1] in ports}

    def shown(self) -> list[str]:
        said = self._host.run("docker logs %s", self._process.container)
        tops = self._host.check_output("docker top %s", self._process.container)
        return [json.dumps(self._inspected()), said.stdout, said.stderr, tops]

    def is_made_of(self, image: str) -> bool:
        made_of: str = self._host.check_output("docker image inspect --format '{{.Id}}' %s", image)
        return self._inspected()["Image"] == made_of

    def _inspected(self) -> dict[str, Any]:
        return self._host.docker(self._process.container).inspect()


def look_at(process: Entry, inventory: Inventory) -> Sight:
    """The look at a process that its runtime calls for."""
    return Contained(process, inventory.reach(process)) if process.container else Native(process)


def _listeners() -> list[tuple[int | None, tuple[str, int]]]:
    return [
        (connection.pid, (connection.laddr.ip, connection.laddr.port))
        for connection in psutil.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN and connection.laddr
    ]
