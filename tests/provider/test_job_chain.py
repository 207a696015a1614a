"""Jobs that follow one another are one cluster: submitted at once, followed, and ended together; Slurm is a double."""

import json
from itertools import pairwise
from typing import Any

import pytest

from mspass_stack.agent import slurm
from mspass_stack.errors import Refused
from tests.provider import test_slurm_job
from tests.provider.test_slurm_job import SLURM_JOB, Stack

stack = test_slurm_job.stack

CHAIN = ["4711", "4712", "4713"]


def _states(stack: Stack) -> dict[str, str]:
    return {job["id"]: job["state"] for job in stack.slurm.jobs}


def _alive(stack: Stack) -> list[str]:
    return [id for id, state in _states(stack).items() if state in ("PENDING", "RUNNING")]


def _begun(stack: Stack, **asked: Any) -> dict[str, Any]:
    outputs = stack.create(**{"jobs": 3, **asked})
    stack.slurm.set("4711", state="RUNNING")
    return outputs


def _update(stack: Stack, outputs: dict[str, Any], was: dict[str, Any] | None = None, **asked: Any) -> dict[str, Any]:
    old = stack.inputs(**{"jobs": 3, **(was or {})})
    return SLURM_JOB.update(stack.call(stack.inputs(**{"jobs": 3, **asked}), old_inputs=old, outputs=outputs))


def _note(stack: Stack, job: str, *starts: dict[str, Any]) -> None:
    (stack.directory / f"run/chain/{job}.json").write_text(json.dumps({"starts": starts}))


def test_all_are_submitted_at_once_and_never_again(stack: Stack) -> None:
    assert stack.create(jobs=3) == {"job": "4711", "ended": {}}
    assert _alive(stack) == CHAIN
    assert {job["name"] for job in stack.slurm.jobs} == {stack.slurm.jobs[0]["name"]}
    assert all("--dependency=singleton" in job["words"] for job in stack.slurm.jobs)
    assert stack.create(jobs=3)["job"] == "4711"
    assert _alive(stack) == CHAIN


def test_a_job_finds_those_that_wait_for_its_end_and_no_others(stack: Stack) -> None:
    _begun(stack)
    stack.slurm.add("4800", name="mspass", comment="mspass stack=other", state="PENDING")
    known = json.loads((stack.directory / "run/job.json").read_text())
    stack.slurm.add("4801", name=known["name"], comment="(null)", state="PENDING")
    assert slurm.waiting(known["name"], known["comment"]) == CHAIN[1:]
    slurm.cancel(CHAIN)
    assert [_states(stack)[job] for job in CHAIN] == ["RUNNING", "CANCELLED", "CANCELLED"]


def test_a_submission_that_was_cut_short_is_gone_on_with_and_a_part_used_chain_is_not_topped_up(stack: Stack) -> None:
    stack.create(jobs=3)
    for job in CHAIN[1:]:
        stack.slurm.forget(job)
    (stack.directory / "run/chain/jobs.json").write_text(json.dumps({"wanted": 3, "jobs": []}))
    stack.create(jobs=3)
    assert len(_alive(stack)) == 3
    stack.slurm.set("4711", state="COMPLETED")
    assert stack.create(jobs=3)["job"] == "4712"
    assert len(_alive(stack)) == 2


def test_a_job_that_was_followed_has_not_ended(stack: Stack) -> None:
    outputs = _begun(stack)
    for former, next in pairwise(CHAIN):
        stack.slurm.set(former, state="TIMEOUT")
        for state in ("PENDING", "RUNNING"):
            stack.slurm.set(next, state=state)
            found = stack.read(outputs["job"])
            assert found == {"job": next, "ended": {}}
        outputs = found
    inputs = stack.inputs(jobs=3)
    assert SLURM_JOB.diff(stack.call(inputs, old_inputs=inputs, outputs=outputs)) == []
    stack.slurm.set("4713", state="TIMEOUT")
    assert stack.read("4713")["ended"]["state"] == "TIMEOUT"


def test_a_chain_that_is_used_up_is_followed_by_a_whole_one(stack: Stack) -> None:
    _begun(stack)
    for job in CHAIN:
        stack.slurm.set(job, state="COMPLETED")
    found = stack.read("4713")
    call = stack.call(stack.inputs(jobs=3), old_inputs=stack.inputs(jobs=3), outputs=found, preview=True)
    SLURM_JOB.update(call)
    assert [line for line in stack.said if "a new one is submitted (3 jobs of 2 nodes x 10:00)" in line]
    assert _alive(stack) == []
    assert _update(stack, found)["job"] == "4714"
    assert _alive(stack) == ["4714", "4715", "4716"]


def test_what_changed_holds_for_those_that_wait(stack: Stack) -> None:
    outputs = _begun(stack)
    assert _update(stack, outputs, time="20:00", directives=["--nodes=2", "--time=20:00"])["job"] == "4711"
    assert stack.said[-1] == "warning: job 4711 runs as it was submitted: what changed holds for the next one"
    assert _alive(stack) == ["4711", "4714", "4715"]
    assert [job["left"] for job in stack.slurm.jobs[-2:]] == ["20:00", "20:00"]
    stack.slurm.set("4711", state="COMPLETED")
    assert _update(stack, outputs, time="30:00")["job"] == "4716"
    assert _alive(stack) == ["4716", "4717"]


def test_another_number_of_jobs_counts_those_that_have_begun(stack: Stack) -> None:
    outputs = _begun(stack)
    stack.slurm.set("4711", state="COMPLETED")
    stack.slurm.set("4712", state="RUNNING")
    for jobs, left in ((5, 4), (2, 1), (1, 1)):
        assert _update(stack, outputs, jobs=jobs)["job"] == "4712"
        assert len(_alive(stack)) == left
    assert not [line for line in stack.said if "what changed holds for the next one" in line]


def test_the_whole_chain_is_replaced_where_the_config_says_so(stack: Stack) -> None:
    outputs = _begun(stack)
    assert _update(stack, outputs, time="20:00", replace=True)["job"] == "4714"
    assert [_states(stack)[job] for job in CHAIN] == ["COMPLETED", "CANCELLED", "CANCELLED"]
    assert len(_alive(stack)) == 3


def test_destroy_ends_those_that_wait_before_the_one_that_runs(stack: Stack) -> None:
    outputs = _begun(stack)
    SLURM_JOB.delete(stack.call(stack.inputs(jobs=3), outputs=outputs))
    told = [(words[-1], words[0]) for words in stack.slurm.signals]
    assert told[:3] == [("4713", "--state=PENDING"), ("4712", "--state=PENDING"), ("4711", "--signal=USR1")]
    assert _states(stack) == {"4711": "COMPLETED", "4712": "CANCELLED", "4713": "CANCELLED"}


def test_where_slurm_takes_fewer_the_chain_is_shorter_and_its_user_knows(stack: Stack) -> None:
    script = stack.slurm.bin / "sbatch"
    whole = script.read_text()
    limit = "Job violates accounting/QOS policy"
    few = f"[ $(grep -o '\"state\"' {stack.slurm.bin}/../jobs.json | wc -l) -lt 2 ] || {{ echo {limit} >&2; exit 1; }}"
    script.write_text(whole.replace("exec", f"{few}\nexec", 1))
    stack.create(jobs=3)
    assert _alive(stack) == ["4711", "4712"]
    assert stack.said[-1] == f"warning: mspass:cluster.slurm.jobs: 3: Slurm has taken 2: sbatch refuses: {limit}"
    stack.create(jobs=3)
    assert _alive(stack) == ["4711", "4712"]
    stack.slurm.set("4711", state="COMPLETED")
    with pytest.raises(Refused, match="sbatch refuses"):
        stack.slurm.refuse("no")
        script.write_text(whole)
        _update(stack, {"job": "4711", "ended": {}}, time="20:00")


def test_nodes_with_data_are_asked_for_by_the_first_job_only(stack: Stack) -> None:
    stack.create(jobs=2, rescue=True)
    assert len([line for line in stack.said if "no data are left on nodes" in line]) == 1


def test_status_shows_the_chain_and_what_it_has_used(stack: Stack) -> None:
    _begun(stack)
    stack.slurm.set("4711", state="COMPLETED")
    stack.slurm.set("4712", state="RUNNING", used="1:00:00", count="2")
    start = {"restart": 0, "nodes": 2, "begun": 0, "seen": 3600, "ready": True, "state": "STOPPED"}
    _note(stack, "4711", {**start, "state": ""}, {**start, "restart": 1})
    _note(stack, "4712", {**start, "state": "", "seen": 3000})
    view = stack.view()
    assert view.id == "4712"
    assert "\nchain of 3 jobs: 4711 STOPPED, 4712 runs, 4713 waits; 6.0 node-hours together" in str(view)
    assert view.dump()["chain"] == {"4711": "STOPPED", "4712": "RUNNING", "4713": "PENDING"}
    assert view.dump()["chainNodeHours"] == 6.0
    stack.slurm.set("4712", state="TIMEOUT", nodes="n[1-2]")
    stack.slurm.set("4713", state="CANCELLED")
    assert stack.view().id == "4712"
    assert "4712 TIMEOUT, 4713 CANCELLED" in str(stack.view())
