"""Whether an engine's host network is that of its machine: containers and clients outside share addresses there."""

from typing import TYPE_CHECKING

from mspass_stack.machines.base import Machine

if TYPE_CHECKING:
    from mspass_stack.managers.docker_engine import DockerEngine

LOOK = ("sh", "-c", "readlink /proc/self/ns/net; cat /proc/sys/kernel/random/boot_id")
"""Prints the network namespace and the boot of whatever kernel it runs under."""

WAY_OUT = "use an engine of this machine itself (unset DOCKER_HOST), or choose runtime: native"


def foreign_network(engine: "DockerEngine", machine: Machine, image: str) -> str | None:
    """Return why containers of an engine would not be on their machine's network; None when they are.

    That is so of Docker Desktop and WSL2, whose engine is in a virtual machine, of a rootless engine, and of another
    machine's. Seen by a throwaway container.

    Args:
        image: to look with; where the engine has it not yet, it is asked what it is.
    """
    foreign = f"the host network of the Docker engine ({engine}) is not that of this machine: {WAY_OUT}"
    if not engine.has(image):
        return foreign if engine.is_apart() else None
    ended = engine.run_once(LOOK, image, network="host")
    if ended.status:
        return f"no container runs on its host's network: {ended.output.strip()[-300:]}"
    if ended.output.split() == machine.run(LOOK).stdout.split():
        return None
    return foreign
