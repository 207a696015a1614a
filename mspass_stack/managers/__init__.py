"""Who keeps processes up, on one machine."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from mspass_stack.machines import machine
from mspass_stack.managers.apptainer_images import ApptainerImages
from mspass_stack.managers.base import Images, ProcessManager
from mspass_stack.managers.slurm_job import SlurmJobManager
from mspass_stack.managers.supervised_containers import SupervisedContainers
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


def _engine_images(connection: ConnectionSpec, stack_dir: str, stack_id: str) -> Images:
    from mspass_stack.managers.docker_images import DockerImages

    return DockerImages(engine_of(connection, stack_id), machine(connection), stack_id)


MANAGERS: dict[str, Factory] = {
    "supervisord": lambda connection, stack_dir, stack_id: Supervisord(machine(connection), stack_dir, stack_id),
    "supervised-containers": lambda connection, stack_dir, stack_id: SupervisedContainers(
        machine(connection), stack_dir, stack_id
    ),
    "slurm-job": SlurmJobManager,
    "docker-engine": lambda connection, stack_dir, stack_id: engine_of(connection, stack_id),
}
"""The process managers by the name that a process specification says."""

IMAGES: dict[str, Callable[[ConnectionSpec, str, str], Images]] = {
    "supervised-containers": ApptainerImages,
    "docker-engine": _engine_images,
}
"""The images of those whose processes are in containers, by the same names."""


def manager_of(manager: str, connection: ConnectionSpec, stack_dir: str, stack_id: str) -> ProcessManager:
    """Return who keeps up a stack's processes on the machine that a connection leads to."""
    return MANAGERS[manager](connection, stack_dir, stack_id)


def images_of(manager: str, connection: ConnectionSpec, stack_dir: str, stack_id: str) -> Images:
    """Return the images of a stack on the machine that a connection leads to."""
    return IMAGES[manager](connection, stack_dir, stack_id)
