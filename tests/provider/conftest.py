"""A stack's directory on this machine, with free ports; nothing outlives the test."""

import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mspass_stack.agent.marks import marked
from mspass_stack.machines.local import LocalMachine
from mspass_stack.managers.supervisord import Supervisord
from mspass_stack.provider.resources.base import Call
from mspass_stack.provider.server.registry import RESOURCES
from mspass_stack.spec.connection import ConnectionSpec
from mspass_stack.spec.probe import Probe
from mspass_stack.spec.process import SupervisedProcess

STACK_ID = "0123456789ab"

SLEEPER = "import time; time.sleep(1000)"
SLOW_TO_STOP = """
import signal, time
def stop(*_): print("stopped in order", flush=True); raise SystemExit(0)
signal.signal(signal.SIGTERM, stop)
print("up", flush=True)
time.sleep(1000)
"""
"""Programs in the place of daemons: one that ends at once on SIGTERM, and one that says what it does."""

HERE = ConnectionSpec(host="here").dump()
"""How this machine is reached."""


class Host:
    """This machine as the plugin sees it, with one directory for the stack `test`."""

    def __init__(self, stack_dir: Path) -> None:
        self.stack_dir = stack_dir
        self.manager = Supervisord(LocalMachine(), str(stack_dir), STACK_ID)
        self.output: list[str] = []

    def call(self, inputs: dict[str, Any], **more: Any) -> Call:
        common = {"stack": "test", "stackId": STACK_ID}
        return Call(
            "test", common | inputs, say=lambda severity, text: self.output.append(f"{severity}: {text}"), **more
        )

    def process(self, name: str, *argv: str, **changes: Any) -> dict[str, Any]:
        """Inputs of a `HostProcess` that runs a command line."""
        process = SupervisedProcess(
            name=name,
            role="db",
            host="here",
            stack_dir=str(self.stack_dir),
            order=0,
            argv=argv,
            environment={},
            env_files=(),
            path=(),
            directory=str(self.stack_dir),
            address="127.0.0.1",
            ports=(),
            stop_signal="TERM",
            stop_grace=10,
            reads=(),
            writes=(),
            memory=0,
            cpus=0,
            probe=Probe(kind="mongo", address="127.0.0.1", port=1, deadline=5),
        ).model_copy(update=changes)
        return {"connection": HERE, "process": process.dump(), "digest": process.digest({}, STACK_ID)}

    def python(self, name: str, code: str, *words: str, **changes: Any) -> dict[str, Any]:
        """Inputs of a `HostProcess` that runs a line of Python."""
        return self.process(name, sys.executable, "-c", code, *words, **changes)

    def readiness(self, process: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """Inputs of the `Ready` of a process."""
        inputs: dict[str, Any] = {"connection": HERE, "probeConnection": HERE, "process": process["process"]}
        return {"incarnations": list[str](), **inputs, **changes}

    def ensure(self, inputs: dict[str, Any]) -> dict[str, Any]:
        return RESOURCES["HostProcess"].create(self.call(inputs))[1]

    def read(self, inputs: dict[str, Any]) -> dict[str, Any] | None:
        return RESOURCES["HostProcess"].read(self.call(inputs))

    def running(self) -> list[str]:
        """Names of the processes of the directory; supervisord's is empty."""
        return sorted(marked(STACK_ID, str(self.stack_dir)).values())

    def log(self, name: str) -> str:
        return (self.stack_dir / "log" / f"{name}.log").read_text()


def pid_of(outputs: dict[str, Any]) -> int:
    """The pid of the process that a `HostProcess` has started or seen."""
    return int(outputs["incarnation"].split("-")[0])


@contextmanager
def host_of(stack_dir: Path) -> Generator[Host]:
    """Yield a host with an empty directory; nothing of it runs afterwards."""
    stack_dir.mkdir(exist_ok=True)
    host = Host(stack_dir)
    try:
        yield host
    finally:
        host.manager.shut_down()


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with host_of(tmp_path / "stack") as host:
        yield host
