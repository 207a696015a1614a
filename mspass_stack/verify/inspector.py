"""What can be seen of a process from outside, under each process manager."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from mspass_stack.machines import machine
from mspass_stack.managers import manager_of
from mspass_stack.spec.apptainer import path_of
from mspass_stack.spec.connection import ConnectionSpec
from mspass_stack.spec.inventory import Entry, Inventory
from mspass_stack.spec.process import ContainedProcess, SlurmProcess, SupervisedContainer, SupervisedProcess
from mspass_stack.verify.places import container_on, machine_at

LISTENING = Path(__file__).parent / "inside" / "listening.py"


class ProcessInspector(Protocol):
    """A look at one process.

    Attributes:
        machine: a testinfra `Host` in which the process and its files are seen; its modules are known at run time only.
        pid: of the process, as `machine` sees it.
    """

    machine: Any

    @property
    def pid(self) -> int: ...
    def incarnation(self) -> str:
        """Return which run of it is up now; empty when none is."""
        ...

    def listening(self) -> set[tuple[str, int]]:
        """Return addresses and ports on which it and its children listen."""
        ...

    def shown(self) -> list[str]:
        """Return everything that other users of the machine, or readers of its log, may see of it."""
        ...

    def is_made_of(self, image: str) -> bool:
        """Return whether what runs now was made from an image; a native process was from none, whose name is empty."""
        ...


class Native:
    """A process of the user on a machine."""

    def __init__(self, process: Entry, connection: ConnectionSpec, stack_id: str) -> None:
        self._process = process
        self.machine: Any = machine_at(connection)

    @property
    def pid(self) -> int:
        return int(self._process.incarnation.split("-")[0])

    def incarnation(self) -> str:
        stat = self.machine.file(f"/proc/{self.pid}/stat")
        if not stat.exists:
            return ""
        started = stat.content_string.rpartition(")")[2].split()[19]
        return f"{self.pid}-{started}-{self._process.incarnation.rpartition('-')[2]}"

    def listening(self) -> set[tuple[str, int]]:
        return _listening(self.machine, self.pid)

    def shown(self) -> list[str]:
        lines = self.machine.check_output("ps -e -o args")
        return [lines, self.machine.file(self._process.log).content_string]

    def is_made_of(self, image: str) -> bool:
        return not image


class Contained:
    """A process in a container of a Docker engine, here or on another host."""

    def __init__(self, process: Entry, connection: ConnectionSpec, stack_id: str) -> None:
        assert isinstance(process.spec, ContainedProcess)
        self._name = process.spec.container
        self.machine: Any = machine_at(connection)
        self._inside: Any = container_on(connection, self._name)

    @property
    @cache  # noqa: B019 - one for each container, and they end with the tests
    def pid(self) -> int:
        """The child of the container's init; containers of a stack are seen among their host's processes."""
        init = self._inspected()["State"]["Pid"]
        return int(self.machine.file(f"/proc/{init}/task/{init}/children").content_string.split()[0])

    def incarnation(self) -> str:
        found = self._inspected()
        return f"{found['Id'][:12]}-{found['State']['StartedAt']}" if found["State"]["Running"] else ""

    @cache  # noqa: B019
    def listening(self) -> set[tuple[str, int]]:
        # By the Python of the image: its host need not have one.
        (inside,) = self._inside.file("/proc/1/task/1/children").content_string.split()
        return _listening(self._inside, int(inside))

    def shown(self) -> list[str]:
        output = self.machine.run("docker logs %s", self._name)
        tops = self.machine.check_output("docker top %s", self._name)
        return [json.dumps(self._inspected()), output.stdout, output.stderr, tops]

    def is_made_of(self, image: str) -> bool:
        made_of: str = self.machine.check_output("docker image inspect --format '{{.Id}}' %s", image)
        return self._inspected()["Image"] == made_of

    def _inspected(self) -> dict[str, Any]:
        return self.machine.docker(self._name).inspect()


class Enclosed(Native):
    """A process in a container of Apptainer, on a host or on a node of a Slurm job."""

    looks = "contained_pid"

    def __init__(self, process: Entry, connection: ConnectionSpec, stack_id: str) -> None:
        super().__init__(process, connection, stack_id)
        self._agent = machine(connection).agent
        self._manager = manager_of(process.spec.manager, connection, process.spec.stack_dir, stack_id)

    @property
    def pid(self) -> int:
        place = {"directory": self._process.spec.stack_dir, "name": self._process.name}
        return int(self._agent.call(self.looks, **place))

    def incarnation(self) -> str:
        return self._manager.incarnation(self._process.name)

    def is_made_of(self, image: str) -> bool:
        environment = self.machine.file(f"/proc/{self.pid}/environ").content_string.split("\0")
        return f"APPTAINER_CONTAINER={path_of(image)}" in environment


class Submitted(Enclosed):
    """A process in a container on a node of a Slurm job."""

    looks = "pid_of_step"


INSPECTORS: dict[type, Callable[[Entry, ConnectionSpec, str], ProcessInspector]] = {
    SupervisedProcess: Native,
    SupervisedContainer: Enclosed,
    ContainedProcess: Contained,
    SlurmProcess: Submitted,
}


def inspect(process: Entry, inventory: Inventory) -> ProcessInspector:
    """Return the look at a process that its manager calls for."""
    return INSPECTORS[type(process.spec)](process, inventory.connection(process), inventory.stack_id)


def _listening(machine: Any, pid: int) -> set[tuple[str, int]]:
    places: list[tuple[str, int]] = json.loads(
        machine.check_output("python3 -c %s %s", LISTENING.read_text(), str(pid))
    )
    return {(address, port) for address, port in places}
