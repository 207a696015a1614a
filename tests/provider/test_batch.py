"""A job that has done what it was for is over, and neither submitted again nor missed; Slurm is a double."""

import json
from pathlib import Path
from typing import Any

import pytest

from mspass_stack.config.load import read_cluster
from mspass_stack.plan import make_plan
from mspass_stack.provider.server.registry import RESOURCES
from tests.provider import test_slurm_job
from tests.provider.test_slurm_job import SLURM_JOB, Stack

stack = test_slurm_job.stack


class Night:
    """A stack with a script for its job."""

    def __init__(self, stack: Stack, place: Path) -> None:
        self.stack, self._file, self._work = stack, place / "work.py", place / "work"
        self._file.write_text("print(1)")
        self.place = stack.directory / "run" / "batch"

    def inputs(self, **batch: Any) -> dict[str, Any]:
        cluster = {
            "slurm": {"nodes": 1, "time": "30:00"},
            "workdir": str(self._work),
            "datadir": str(self.stack.directory),
            "frontend": {"host": "node0"},
            "batch": {"run": str(self._file), **batch},
        }
        plan = make_plan(read_cluster(cluster), "test", {}, Path("/"), "python3")
        assert plan.batch
        return {**self.stack.inputs(), "batch": plan.batch.dump(), "batchSource": plan.batch_source}

    def create(self, **batch: Any) -> dict[str, Any]:
        return SLURM_JOB.create(self.stack.call(self.inputs(**batch)))[1]

    def diff(self, outputs: dict[str, Any], **batch: Any) -> list[str]:
        found = SLURM_JOB.read(self.stack.call(self.inputs(), outputs=outputs))
        assert found
        return SLURM_JOB.diff(self.stack.call(self.inputs(**batch), old_inputs=self.inputs(), outputs=found))

    def update(self, outputs: dict[str, Any], **batch: Any) -> dict[str, Any]:
        call = self.stack.call(self.inputs(**batch), old_inputs=self.inputs(), outputs=outputs)
        return SLURM_JOB.update(call)

    def end(self, state: str, status: int | None, job: str = "4711") -> None:
        """Have the job end after what it ran."""
        id = json.loads((self.place / "asked.json").read_text())["id"]
        (self.place / f"{id}.claim").write_text(json.dumps({"job": job, "restart": 0}))
        (self.place / f"{id}.end").write_text(json.dumps({"state": state, "exit": status}))
        self.stack.slurm.set(job, state="COMPLETED")

    def seen(self) -> dict[str, Any]:
        inputs = self.inputs()
        known = {key: inputs[key] for key in ("stack", "stackId", "connection", "stackDir")}
        call = self.stack.call({**known, "run": inputs["batch"]["id"], "job": "4711.0"})
        return RESOURCES["Batch"].create(call)[1]["seen"]


@pytest.fixture
def night(stack: Stack, tmp_path: Path) -> Night:
    return Night(stack, tmp_path)


@pytest.mark.parametrize(("state", "status"), [("done", 0), ("failed", 1), ("interrupted", None)])
def test_a_job_that_has_done_what_it_was_for_is_not_submitted_again(night: Night, state: str, status: int) -> None:
    outputs = night.create()
    assert night.diff(outputs) == []
    night.end(state, status)
    assert night.diff(outputs) == []
    assert night.update(outputs, startWait="1h") == {"job": "4711", "ended": {}}
    assert night.create() == {"job": "", "ended": {}}
    assert len(night.stack.slurm.jobs) == 1


def test_another_run_or_none_is_another_job(night: Night) -> None:
    outputs = night.create()
    night.end("done", 0)
    assert night.diff(outputs, again=1) == ["batch"]
    assert night.update(outputs, again=1)["job"] == "4712"
    night.end("done", 0, "4712")
    call = night.stack.call(night.stack.inputs(), old_inputs=night.inputs(again=1), outputs=outputs)
    assert SLURM_JOB.update(call)["job"] == "4713"
    assert not (night.place / "asked.json").exists()


@pytest.mark.parametrize("batch", [{"then": "keep"}, {"again": "onRestart"}])
def test_one_that_was_to_go_on_is_followed_by_another(night: Night, batch: dict[str, Any]) -> None:
    outputs = night.create(**batch)
    night.end("interrupted", None)
    found = SLURM_JOB.read(night.stack.call(night.inputs(**batch), outputs=outputs))
    assert found
    assert found["ended"]
    assert night.create(**batch)["job"] == "4712"


def test_results_of_a_former_run_stay(night: Night) -> None:
    night.create()
    copy = Path(night.inputs()["batch"]["path"])
    assert copy.read_text() == "print(1)"
    copy.write_text("with results")
    night.create()
    assert copy.read_text() == "with results"


def test_what_has_failed_is_a_warning_with_the_end_of_its_log(night: Night) -> None:
    night.create()
    assert (night.seen()["state"], night.seen()["exit"]) == ("waiting", -1)
    (night.stack.directory / "log" / "batch.log").write_text("Traceback\nRuntimeError: no such station\n")
    night.end("failed", 1)
    assert (night.seen()["state"], night.seen()["exit"]) == ("failed", 1)
    assert night.stack.said[-1] == (
        "warning: the batch run has failed with exit status 1; the end of its log:\n"
        "Traceback\nRuntimeError: no such station"
    )
    assert str(night.stack.view()).endswith("failed, exit status 1")


@pytest.mark.parametrize("kind", ["Ready", "NodesReady", "Allocation"])
def test_nothing_of_a_job_that_rests_is_missed(night: Night, kind: str) -> None:
    night.create()
    night.end("done", 0)
    (night.stack.directory / "run" / "allocation.json").write_text('{"job": "4711", "restart": 0, "nodes": {"a": {}}}')
    inputs = night.inputs()
    process, connection = inputs["batch"]["beside"], inputs["connection"]
    known = {key: inputs[key] for key in ("stack", "stackId", "connection", "stackDir")}
    more: dict[str, Any] = {
        "Ready": {"process": process, "probeConnection": connection, "incarnations": []},
        "NodesReady": {
            "processes": [{"process": process, "hosts": ["node0"]}],
            "probeConnection": connection,
            "incarnations": [],
        },
        "Allocation": {"job": "4711", "queueWait": 1},
    }
    call = night.stack.call(known | more[kind])
    _, outputs = RESOURCES[kind].create(call)
    assert RESOURCES[kind].read(night.stack.call(known | more[kind], outputs=outputs)) == outputs
