"""Processes on the nodes of a job are one resource, and a program each; here no job is there, and files are all."""

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mspass_stack.errors import InitFailed
from mspass_stack.provider.resources import nodes_ready, ready
from mspass_stack.provider.resources.base import Call
from mspass_stack.provider.server.registry import RESOURCES
from mspass_stack.spec.alike import HOST, alike
from mspass_stack.spec.connection import ConnectionSpec
from mspass_stack.spec.probe import Probe
from mspass_stack.spec.process import SlurmProcess
from mspass_stack.spec.resources import DrainSpec
from tests.harness.slurm_double import SlurmDouble
from tests.provider.conftest import STACK_ID

PROCESSES, READY = RESOURCES["NodeProcesses"], RESOURCES["NodesReady"]

PROBE = Probe(kind="dask-workers", host="node0", address="127.0.0.1", port=1, count=1, deadline=1)


class Stack:
    """A stack of workers, as the plugin sees it."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.said = directory, list[str]()
        (directory / "run").mkdir(parents=True)
        self.connection = ConnectionSpec(host="node0", job=str(directory)).dump()

    def process(self, host: str, memory: str = "1GiB", together: bool = True) -> SlurmProcess:
        return SlurmProcess(
            name=f"worker-{host}",
            role="worker",
            host=host,
            stack_dir=str(self.directory),
            order=300,
            argv=("dask", "worker", "--name", f"worker-{host}", "--host", f"{host}.hpc", "--memory-limit", memory),
            environment={},
            env_files=(),
            path=(),
            directory="/work",
            address=f"{host}.hpc",
            ports=(),
            stop_signal="TERM",
            stop_grace=30,
            reads=(),
            writes=(),
            memory=0,
            cpus=0,
            probe=PROBE.model_copy(update={"name": f"worker-{host}"}),
            wrapper=("apptainer",),
            together=together,
        )

    def drain(self, host: str) -> DrainSpec:
        words = ["tls://node0.hpc:8786", f"worker-{host}"]
        at = {"manager": "slurm-job", "process": "scheduler", "stack_dir": str(self.directory)}
        return DrainSpec(**at, python="python3", program="drain.py", words=words)

    def inputs(self, workers: Mapping[str, str]) -> dict[str, Any]:
        """Inputs of workers: memory by host."""
        processes = {host: self.process(host, memory) for host, memory in workers.items()}
        return {
            "stack": "test",
            "stackId": STACK_ID,
            "connection": self.connection,
            "processes": [one.dump() for one in alike((own, self.drain(host)) for host, own in processes.items())],
            "digests": {host: own.digest({}) for host, own in processes.items()},
            "drainConnection": self.connection,
        }

    def call(self, inputs: dict[str, Any], **more: Any) -> Call:
        return Call("worker", inputs, say=lambda severity, text: self.said.append(f"{severity}: {text}"), **more)

    def create(self, workers: Mapping[str, str]) -> dict[str, Any]:
        return PROCESSES.create(self.call(self.inputs(workers)))[1]

    def update(self, old: Mapping[str, str], new: Mapping[str, str], outputs: dict[str, Any]) -> dict[str, Any]:
        call = self.call(self.inputs(new), old_inputs=self.inputs(old), outputs=outputs)
        assert PROCESSES.diff(call)
        return PROCESSES.update(call)

    def files(self) -> dict[str, int]:
        """When each file of a program was written last."""
        found = [path for path in (self.directory / "run").rglob("worker-*") if path.is_file()]
        return {path.name: path.stat().st_mtime_ns for path in found}

    def programs(self) -> set[str]:
        return {path.stem for path in (self.directory / "run" / "programs").iterdir()}


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    double = SlurmDouble(tmp_path / "slurm")
    monkeypatch.setenv("PATH", f"{double.bin}:/usr/bin:/bin")
    return Stack(tmp_path / "stack")


BOTH = {"node1": "1GiB", "node2": "1GiB"}


def _changed(before: Mapping[str, int], after: Mapping[str, int]) -> set[str]:
    return {name.partition(".")[0] for name in {*before, *after} if before.get(name) != after.get(name)}


def test_they_are_written_once_and_read_as_they_are(stack: Stack) -> None:
    inputs = stack.inputs(BOTH)
    (group,) = inputs["processes"]
    assert group["hosts"] == ["node1", "node2"]
    assert group["process"]["name"] == f"worker-{HOST}"
    assert [(own, asked) for own, asked in alike_of(inputs)] == [
        (stack.process(host), stack.drain(host)) for host in BOTH
    ]


def test_each_is_a_program_of_its_own(stack: Stack) -> None:
    outputs = stack.create(BOTH)
    assert outputs["running"] == stack.inputs(BOTH)["digests"]
    assert stack.programs() == {"worker-node1", "worker-node2"}
    assert "exec" in (stack.directory / "run" / "worker-node2.sh").read_text()


def test_an_update_writes_what_differs_and_nothing_else(stack: Stack) -> None:
    outputs, before = stack.create(BOTH), stack.files()
    time.sleep(0.01)
    new = {"node1": "1GiB", "node2": "2GiB", "node3": "1GiB"}
    outputs = stack.update(BOTH, new, outputs)
    assert _changed(before, stack.files()) == {"worker-node2", "worker-node3"}
    assert outputs == {"running": stack.inputs(new)["digests"], "revision": 2}


def test_one_that_is_taken_away_is_removed_alone(stack: Stack) -> None:
    outputs, before = stack.create(BOTH), stack.files()
    outputs = stack.update(BOTH, {"node1": "1GiB"}, outputs)
    assert _changed(before, stack.files()) == {"worker-node2"}
    assert stack.programs() == {"worker-node1"}
    assert (set(outputs["running"]), outputs["revision"]) == ({"node1"}, 1)
    assert not [line for line in stack.said if "not drained" in line], "without a job nothing is held"


def test_a_program_that_is_gone_is_written_again_alone(stack: Stack) -> None:
    outputs, before = stack.create(BOTH), stack.files()
    for path in (stack.directory / "run").rglob("worker-node2*"):
        path.unlink()
    call = stack.call(stack.inputs(BOTH), old_inputs=stack.inputs(BOTH), outputs=outputs)
    found = PROCESSES.read(call)
    assert found
    assert set(found["running"]) == {"node1"}
    outputs = stack.update(BOTH, BOTH, found)
    assert _changed(before, stack.files()) == {"worker-node2"}
    assert not PROCESSES.diff(replace(call, outputs=outputs))


def test_what_one_resource_has_taken_over_does_not_end_with_its_former_own(stack: Stack) -> None:
    """The first `up` after an upgrade: what is new is made first, then what is gone is deleted."""
    former = stack.process("node1", together=False)
    known = {"stack": "test", "stackId": STACK_ID, "connection": stack.connection, "process": former.dump()}
    process = {**known, "digest": former.digest({})}
    seen: dict[str, Any] = {"probeConnection": stack.connection, "incarnations": []}
    check = {**known, **seen, "drain": stack.drain("node1").dump(), "drainConnection": stack.connection}
    RESOURCES["HostProcess"].create(stack.call(process))
    launcher = (stack.directory / "run" / "worker-node1.sh").read_text()
    stack.create(BOTH)
    assert (stack.directory / "run" / "worker-node1.sh").read_text() == launcher, "a job that runs adopts it as it is"
    RESOURCES["Ready"].delete(stack.call(check))
    RESOURCES["HostProcess"].delete(stack.call(process))
    assert not [line for line in stack.said if "drain" in line]
    assert stack.programs() == {"worker-node1", "worker-node2"}


def test_one_that_nobody_has_taken_over_ends_with_its_own(stack: Stack) -> None:
    former = stack.process("node1", together=False)
    known = {"stack": "test", "stackId": STACK_ID, "connection": stack.connection, "process": former.dump()}
    RESOURCES["HostProcess"].create(stack.call({**known, "digest": former.digest({})}))
    RESOURCES["HostProcess"].delete(stack.call({**known, "digest": former.digest({})}))
    assert not stack.programs()


def test_all_go_with_the_resource(stack: Stack) -> None:
    stack.create(BOTH)
    PROCESSES.delete(stack.call(stack.inputs(BOTH)))
    assert not stack.programs()


def test_the_check_says_which_are_not_there_and_what_the_first_of_them_wrote(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = [f"node{number}" for number in range(1, 9)]
    stack.create(dict.fromkeys(hosts, "1GiB"))
    (stack.directory / "log").mkdir(exist_ok=True)
    (stack.directory / "log" / "worker-node2.log").write_text("no such scheduler\n")

    def probed(probe: Probe, *_: object) -> str | None:
        return None if probe.name == "worker-node1" else "no answer"

    monkeypatch.setattr(nodes_ready, "probe", probed)
    monkeypatch.setattr(ready, "GLANCES", 1000)
    inputs = stack.inputs(dict.fromkeys(hosts, "1GiB"))
    asked = {key: inputs[key] for key in ("stack", "stackId", "connection", "processes")}
    asked |= {"probeConnection": stack.connection, "incarnations": ["one"]}
    with pytest.raises(InitFailed) as failed:
        READY.create(stack.call(asked))
    told = str(failed.value.reason)
    assert told.startswith("7 of 8 are not ready: worker-node2 on host 'node2', ")
    assert " and 2 more; worker-node2 on host 'node2': no answer; " in told
    assert told.endswith("no such scheduler")
    assert list(failed.value.outputs["runs"]) == ["node1"]


def alike_of(inputs: dict[str, Any]) -> list[tuple[SlurmProcess, DrainSpec | None]]:
    return [program for group in PROCESSES.parse(inputs).processes for program in group.each()]
