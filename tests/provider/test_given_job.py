"""A cluster in an allocation of its user's own: started in a step, followed, stopped, and left; Slurm is a double."""

import json
from typing import Any

import pytest

from mspass_stack.errors import Refused
from mspass_stack.provider.resources import allocation, given_job
from tests.provider import test_slurm_job
from tests.provider.conftest import STACK_ID
from tests.provider.test_slurm_job import SLURM_JOB, Stack

stack = test_slurm_job.stack

NAME = f"mspass-test-{STACK_ID[:6]}"


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    monkeypatch.setattr(given_job, "START", 5.0)


def _create(stack: Stack, job: str = "11", **asked: Any) -> dict[str, Any]:
    if job not in [known["id"] for known in stack.slurm.jobs]:
        stack.slurm.add(job, name="interactive", comment="(null)", nodes="n[1-2]", count="2")
    return stack.create(current=job, directives=[], **asked)


def _has_begun(stack: Stack, job: str = "11") -> None:
    (step,) = [id for id in stack.slurm.steps if id.startswith(f"{job}.")]
    known: dict[str, Any] = {"job": job, "restart": 0, "step": step, "nodes": {}}
    (stack.directory / "run/allocation.json").write_text(json.dumps(known))


def _read(stack: Stack, job: str = "11") -> dict[str, Any]:
    inputs = stack.inputs(current=job, directives=[])
    found = SLURM_JOB.read(stack.call(inputs, outputs={"job": job, "ended": {}}))
    assert found
    return found


def test_it_is_started_once_in_a_step_on_the_first_node(stack: Stack) -> None:
    assert _create(stack) == {"job": "11", "ended": {}}
    (words,) = stack.slurm.steps.values()
    assert {f"--job-name={NAME}", "--jobid=11", "--relative=0", "--overlap", "--mem=0", "--nodes=1"} <= {*words}
    assert words[-2:] == [f"{stack.directory}/run/job.sh", f"{stack.directory}/log/job.log"]
    assert _create(stack)["job"] == "11"
    assert len(stack.slurm.steps) == 1
    assert len(stack.slurm.jobs) == 1
    known = json.loads((stack.directory / "run/job.json").read_text())
    assert (known["given"], known["lead"], known["least"]) == (True, 0, 60)
    assert "comment" not in known


def test_its_end_is_seen_while_the_allocation_goes_on(stack: Stack) -> None:
    _create(stack)
    assert _read(stack)["ended"] == {}
    stack.note_end("11")
    (step,) = stack.slurm.steps
    stack.slurm.end_step(step)
    found = _read(stack)
    assert found["ended"]["state"] == "STOPPED"
    inputs = stack.inputs(current="11", directives=[])
    SLURM_JOB.update(stack.call(inputs, old_inputs=inputs, outputs=found))
    assert len(stack.slurm.steps) == 1
    assert not (stack.directory / "run/end.json").exists()


def test_another_allocation_goes_on_where_the_last_one_is_over(stack: Stack) -> None:
    outputs = _create(stack)
    _has_begun(stack)
    stack.slurm.add("12", name="interactive", count="2")
    with pytest.raises(Refused, match=r"^mspass:cluster.slurm.job: 'current': the cluster is in job 11: expected"):
        _create(stack, "12")
    for step in stack.slurm.steps:
        stack.slurm.end_step(step)
    stack.slurm.set("11", state="CANCELLED")
    outputs |= _read(stack)
    old, new = (stack.inputs(current=job, directives=[]) for job in ("11", "12"))
    assert SLURM_JOB.update(stack.call(new, old_inputs=old, outputs=outputs))["job"] == "12"
    assert [line for line in stack.said if "job 11 ended by CANCELLED" in line and "it starts in job 12" in line]


def test_it_moves_where_the_config_says_so(stack: Stack) -> None:
    stack.create(jobs=2)
    stack.slurm.set("4711", state="RUNNING")
    with pytest.raises(Refused, match="the cluster is in job 4711"):
        _create(stack)
    assert "given" not in json.loads((stack.directory / "run/job.json").read_text())
    assert json.loads((stack.directory / "run/chain/jobs.json").read_text())["jobs"] == ["4711", "4712"]
    assert _create(stack, replace=True)["job"] == "11"
    assert [job["state"] for job in stack.slurm.jobs] == ["COMPLETED", "CANCELLED", "RUNNING"]
    _has_begun(stack)
    stack.slurm.add("12", count="2")
    assert _create(stack, "12", replace=True)["job"] == "12"
    assert [id.partition(".")[0] for id in stack.slurm.steps] == ["12"]


def test_what_a_killed_keeper_has_left_in_an_allocation_that_goes_on_is_ended_first(stack: Stack) -> None:
    _create(stack)
    _has_begun(stack)
    (step,) = stack.slurm.steps
    (stack.directory / "run/lease").write_text("11 0\n")
    stack.slurm.end_step(step)
    stack.slurm.add("12", count="2")
    for refused in (lambda: _create(stack, "12"), stack.create):
        with pytest.raises(Refused, match="the cluster is in job 11"):
            refused()
    assert _create(stack, "12", replace=True)["job"] == "12"
    assert not (stack.directory / "run/lease").exists()


def test_no_job_is_submitted_beside_it(stack: Stack) -> None:
    _create(stack)
    _has_begun(stack)
    with pytest.raises(Refused, match=r"^mspass:cluster.slurm.job: the cluster is in job 11, which is its user's own"):
        stack.create()
    assert json.loads((stack.directory / "run/job.json").read_text())["given"]
    assert len(stack.slurm.jobs) == 1


def test_destroy_stops_it_in_order_and_leaves_the_allocation(stack: Stack) -> None:
    outputs = _create(stack)
    (step,) = stack.slurm.steps
    SLURM_JOB.delete(stack.call(stack.inputs(current="11", directives=[]), outputs=outputs))
    assert stack.slurm.signals[0] == ["--signal=USR1", step]
    assert stack.slurm.steps == {}
    assert stack.slurm.jobs[0]["state"] == "RUNNING"


def test_one_that_refuses_its_nodes_is_over_though_its_job_goes_on(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(allocation, "BEATS", 5.0)
    _create(stack)
    known = {"job": "11", "restart": 0, "state": "FAILED", "exit": 1, "when": 0, "why": "the nodes are not in order"}
    (stack.directory / "run/end.json").write_text(json.dumps(known))
    with pytest.raises(Refused, match=r"job 11 is over \(FAILED\); the nodes are not in order"):
        stack.wait("11")


def test_status_shows_the_allocation(stack: Stack) -> None:
    _create(stack)
    _has_begun(stack)
    assert stack.view().id == "11"
    assert "job 11 RUNNING on n[1-2]" in str(stack.view())
    (step,) = stack.slurm.steps
    stack.slurm.end_step(step)
    known = {"job": "11", "restart": 0, "state": "STOPPED", "exit": 0, "when": 0, "step": "0"}
    (stack.directory / "run/end.json").write_text(json.dumps(known))
    assert "job 11 ended: STOPPED at 1970-01-01 00:00:00; pulumi up in an allocation starts" in str(stack.view())
