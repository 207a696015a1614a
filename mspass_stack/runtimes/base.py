"""What a runtime is, and what all of them say of a process alike."""

from pathlib import PurePosixPath
from typing import Any, Protocol

from mspass_stack.config.sections import Cluster
from mspass_stack.roles.base import Command, Context
from mspass_stack.roles.gpus import gpus_of
from mspass_stack.spec.layout import StackLayout
from mspass_stack.spec.process import ProcessSpec
from mspass_stack.spec.topology import Process


class Runtime(Protocol):
    """How an argv is packaged.

    Attributes:
        engine: whether an engine of Docker keeps its processes up.
    """

    @property
    def engine(self) -> bool: ...

    def python(self, declared: str | None, own: str | None) -> str:
        """Return the interpreter of a host's roles.

        Args:
            declared: what the config says.
            own: the same, or that of the control node where the host is that one.
        """
        ...

    def image(self, cluster: Cluster) -> str:
        """Return the image that it needs on a host; empty where it needs none."""
        ...

    def temporary(self, layout: StackLayout) -> str:
        """Return the directory, as its processes see it, for what need not outlive them."""
        ...

    def render(self, command: Command, process: Process, context: Context) -> ProcessSpec:
        """Return a command as its host executes it."""
        ...


def common(command: Command, process: Process, context: Context) -> dict[str, Any]:
    """Return the fields that are the same under every runtime."""
    python = context.host.python
    # A terminal or kernel in Jupyter, and a task on a worker, find the tools of the same environment.
    path = (str(PurePosixPath(python).parent),) if command.argv[0] == python and "/" in python else ()
    return {
        "name": process.name,
        "role": process.role,
        "host": process.host,
        "stack_dir": context.host.stack_dir,
        "order": process.order,
        "argv": command.argv,
        "environment": command.environment,
        "env_files": command.env_files,
        "path": path,
        "directory": command.directory,
        "address": process.address,
        "ports": tuple(process.ports.values()),
        "stop_signal": command.stop_signal,
        "stop_grace": command.stop_grace,
        "reads": command.reads,
        "writes": command.writes,
        "memory": command.memory,
        "cpus": command.cpus,
        "gpus": gpus_of(process, context.cluster),
        "probe": command.probe,
    }
