"""Machines and containers of a stack, as testinfra sees them."""

import shlex
from typing import Any

import testinfra
from testinfra.backend.base import BaseBackend
from testinfra.backend.docker import DockerBackend
from testinfra.host import Host

from mspass_stack.machines import machine, openssh
from mspass_stack.spec.connection import ConnectionSpec

SECONDS = 60.0
"""For one command on a node."""


def machine_at(connection: ConnectionSpec) -> Any:
    """The machine at the end of a way: a testinfra `Host`, whose modules are known at run time only."""
    if not connection.remote:
        return testinfra.get_host("local://")
    if connection.job:
        return _host(_Node(connection))
    user, port = f"{connection.user}@" if connection.user else "", f":{connection.port}" if connection.port else ""
    return testinfra.get_host(
        f"ssh://{user}{connection.address}{port}", ssh_extra_args=shlex.join(openssh.options(connection))
    )


def container_on(connection: ConnectionSpec, name: str) -> Any:
    """The inside of a container of that machine."""
    return _host(_ContainerThere(name, machine_at(connection)))


def _host(backend: BaseBackend) -> Host:
    host = Host(backend)
    backend.set_host(host)
    return host


class _Node(BaseBackend):
    """A node of a job, where commands are run by its agent."""

    NAME = "node"

    def __init__(self, connection: ConnectionSpec) -> None:
        super().__init__(connection.host)
        self._agent = machine(connection).agent

    def run(self, command: str, *args: str, **kwargs: Any) -> Any:
        line = self.get_command(command, *args)
        ran = self._agent.call("run_once", argv=["sh", "-c", line], seconds=SECONDS)
        return self.result(ran["status"], self.encode(line), self.encode(ran["output"]), b"")


class _ContainerThere(DockerBackend):
    """testinfra's own, whose `docker exec` is typed on another machine."""

    def __init__(self, name: str, machine: Any) -> None:
        super().__init__(name)
        self._machine = machine

    def run_local(self, command: str, *args: str) -> Any:
        return self._machine.run(command, *args)
