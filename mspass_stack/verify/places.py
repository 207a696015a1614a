"""Machines and containers of a stack, as testinfra sees them."""

import shlex
from typing import Any

import testinfra
from testinfra.backend.docker import DockerBackend
from testinfra.host import Host

from mspass_stack.machines import openssh
from mspass_stack.spec.connection import ConnectionSpec


def machine_at(connection: ConnectionSpec) -> Any:
    """The machine at the end of a way: a testinfra `Host`, whose modules are known at run time only."""
    if not connection.remote:
        return testinfra.get_host("local://")
    user, port = f"{connection.user}@" if connection.user else "", f":{connection.port}" if connection.port else ""
    return testinfra.get_host(
        f"ssh://{user}{connection.address}{port}", ssh_extra_args=shlex.join(openssh.options(connection))
    )


def container_on(connection: ConnectionSpec, name: str) -> Any:
    """The inside of a container of that machine."""
    backend = _ContainerThere(name, machine_at(connection))
    host = Host(backend)
    backend.set_host(host)
    return host


class _ContainerThere(DockerBackend):
    """testinfra's own, whose `docker exec` is typed on another machine."""

    def __init__(self, name: str, machine: Any) -> None:
        super().__init__(name)
        self._machine = machine

    def run_local(self, command: str, *args: str) -> Any:
        return self._machine.run(command, *args)
