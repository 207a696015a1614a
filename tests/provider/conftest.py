"""A stack's folder on this machine, with free ports; nothing outlives the test."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mspass_stack.provider.registry import RESOURCES
from mspass_stack.provider.resource import Call
from mspass_stack.provider.supervisor import Supervisor
from mspass_stack.rendered import Probe, RenderedProcess

STACK_ID = "0123456789ab"


class Host:
    """This machine as the plugin sees it, with one folder for the stack `test`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.supervisor = Supervisor(str(home), STACK_ID)
        self.said: list[str] = []

    def call(self, inputs: dict[str, Any], **more: Any) -> Call:
        common = {"stack": "test", "stackId": STACK_ID}
        return Call("test", common | inputs, say=lambda severity, text: self.said.append(f"{severity}: {text}"), **more)

    def process(self, name: str, *argv: str, **changes: Any) -> dict[str, Any]:
        """Inputs of a `HostProcess` that runs a command line."""
        probe = Probe(kind="mongo", address="127.0.0.1", port=1, deadline=5)
        rendered = RenderedProcess(
            name=name,
            role="db",
            host="here",
            home=str(self.home),
            order=0,
            argv=argv,
            environment={},
            env_files=(),
            path=(),
            directory=str(self.home),
            address="127.0.0.1",
            ports=(),
            stop_signal="TERM",
            stop_grace=10,
            reads=(),
            writes=(),
            memory=0,
            cpus=0,
            probe=probe,
        ).model_copy(update=changes)
        return {"process": rendered.dump(), "secrets": {}}

    def python(self, name: str, code: str, **changes: Any) -> dict[str, Any]:
        """Inputs of a `HostProcess` that runs a line of Python."""
        return self.process(name, sys.executable, "-c", code, **changes)

    def ensure(self, inputs: dict[str, Any]) -> dict[str, Any]:
        return RESOURCES["HostProcess"].create(self.call(inputs))[1]

    def read(self, inputs: dict[str, Any]) -> dict[str, Any] | None:
        return RESOURCES["HostProcess"].read(self.call(inputs))

    def log(self, name: str) -> str:
        return (self.home / "log" / f"{name}.log").read_text()


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    home = tmp_path / "home"
    home.mkdir()
    host = Host(home)
    yield host
    host.supervisor.shut_down()
