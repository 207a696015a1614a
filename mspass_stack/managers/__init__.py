"""Who keeps processes up, on one machine."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from mspass_stack.machines import machine
from mspass_stack.managers.base import ProcessManager
from mspass_stack.managers.slurm_job import SlurmJobManager
from mspass_stack.managers.supervisord import Supervisord
from mspass_stack.spec.connection import ConnectionSpec

if TYPE_CHECKING:
    from mspass_stack.managers.docker_engine import DockerEngine

Factory = Callable[[ConnectionSpec, str, str], ProcessManager]


def engine_of(connection: ConnectionSpec, stack_id: str = "") -> "DockerEngine":
    """Return the Docker engine that a connection leads to."""
    # A native stack needs no Docker, whose packages take a while to load.
    from mspass_stack.managers.docker_engine import DockerEngine

    return DockerEngine(connection, stack_id)


MANAGERS: dict[str, Factory] = {
    "supervisord": lambda connection, stack_dir, stack_id: Supervisord(machine(connection), stack_dir, stack_id),
    "slurm-job": SlurmJobManager,
    "docker-engine": lambda connection, stack_dir, stack_id: engine_of(connection, stack_id),
}
"""The process managers by the name that a process specification says."""


def manager_of(manager: str, connection: ConnectionSpec, stack_dir: str, stack_id: str) -> ProcessManager:
    """Return who keeps up a stack's processes on the machine that a connection leads to."""
    return MANAGERS[manager](connection, stack_dir, stack_id)
