"""Who keeps processes up, on one machine."""

from collections.abc import Callable

from mspass_stack.machines.base import Machine
from mspass_stack.managers.base import ProcessManager
from mspass_stack.managers.supervisord import Supervisord
from mspass_stack.spec.connection import ConnectionSpec

Factory = Callable[[Machine, ConnectionSpec, str, str], ProcessManager]


def _supervisord(machine: Machine, connection: ConnectionSpec, stack_dir: str, stack_id: str) -> ProcessManager:
    return Supervisord(machine, stack_dir, stack_id)


def _docker_engine(machine: Machine, connection: ConnectionSpec, stack_dir: str, stack_id: str) -> ProcessManager:
    # A native stack needs no Docker, whose packages take a while to load.
    from mspass_stack.managers.docker_engine import DockerEngine

    return DockerEngine(connection, stack_id)


MANAGERS: dict[str, Factory] = {"supervisord": _supervisord, "docker-engine": _docker_engine}
"""The process managers by the name that a process specification says."""


def manager_of(
    manager: str, machine: Machine, connection: ConnectionSpec, stack_dir: str, stack_id: str
) -> ProcessManager:
    """Return who keeps up a stack's processes on a machine."""
    return MANAGERS[manager](machine, connection, stack_dir, stack_id)
