"""A stack's job is found again, followed, and said to be over; Slurm is a double (`tests.harness.slurm_double`)."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from mspass_stack.agent.store import Store
from mspass_stack.cli.job import JobView, job_of
from mspass_stack.errors import InitFailed, Refused
from mspass_stack.provider.resources import allocation
from mspass_stack.provider.resources.base import Call
from mspass_stack.provider.server.registry import RESOURCES
from mspass_stack.spec.connection import ConnectionSpec
from mspass_stack.spec.inventory import Inventory, Place
from tests.harness.slurm_double import SlurmDouble
from tests.provider.conftest import STACK_ID
from tests.provider.test_login_check import JOB

SLURM_JOB, ALLOCATION = RESOURCES["SlurmJob"], RESOURCES["Allocation"]


class Stack:
    """The stack `test` with its directory, as the plugin sees it."""

    def __init__(self, slurm: SlurmDouble, directory: Path) -> None:
        self.slurm, self.directory, self.said = slurm, directory, list[str]()
        self.connection = ConnectionSpec(host="node0", job=str(directory))
        for name in ("run", "log"):
            (directory / name).mkdir(parents=True)

    def inputs(self, **asked: Any) -> dict[str, Any]:
        known = {"stack": "test", "stackId": STACK_ID, "connection": self.connection.dump()}
        job = JOB | {"directives": ["--nodes=2", "--time=10:00", "--requeue"]} | asked
        return {**known, "stackDir": str(self.directory), "asked": job}

    def call(self, inputs: dict[str, Any], **more: Any) -> Call:
        return Call("job", inputs, say=lambda severity, text: self.said.append(f"{severity}: {text}"), **more)

    def create(self, **asked: Any) -> dict[str, Any]:
        return SLURM_JOB.create(self.call(self.inputs(**asked)))[1]

    def read(self, job: str) -> dict[str, Any]:
        found = SLURM_JOB.read(self.call(self.inputs(), outputs={"job": job, "ended": {}}))
        assert found
        return found

    def update(self, outputs: dict[str, Any], preview: bool = False, **asked: Any) -> dict[str, Any]:
        call = self.call(self.inputs(**asked), old_inputs=self.inputs(), outputs=outputs, preview=preview)
        assert SLURM_JOB.diff(call)
        return SLURM_JOB.update(call)

    def wait(self, job: str, seconds: int = 1) -> dict[str, Any]:
        inputs = self.inputs()
        del inputs["asked"]
        return ALLOCATION.create(self.call({**inputs, "job": job, "queueWait": seconds}))[1]

    def note_end(self, job: str, state: str = "STOPPED", status: int = 0, unsaved: str = "") -> None:
        known = {"job": job, "restart": 0, "state": state, "exit": status, "when": 0, "unsaved": unsaved}
        (self.directory / "run" / "end.json").write_text(json.dumps(known))

    def note_log(self, text: str) -> None:
        (self.directory / "log" / "job.log").write_text(text)

    def view(self) -> JobView:
        place = Place(connection=self.connection, user="0:0", stack_dir=str(self.directory), workdir="/work")
        inventory = Inventory(
            stack="test", stack_id=STACK_ID, hosts={"node0": place}, encrypted=[], collections={}, processes=[]
        )
        found = job_of(inventory)
        assert found
        return found


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    double = SlurmDouble(tmp_path / "slurm")
    monkeypatch.setenv("PATH", f"{double.bin}:{os.environ['PATH']}")
    monkeypatch.setattr(time, "localtime", time.gmtime)
    return Stack(double, tmp_path / "stack")


def _states(stack: Stack) -> list[str]:
    return [job["state"] for job in stack.slurm.jobs]


def test_a_job_is_submitted_once_even_if_an_up_is_killed_before_the_state_knows_of_it(stack: Stack) -> None:
    assert stack.create() == {"job": "4711", "ended": {}}
    (job,) = stack.slurm.jobs
    assert job["name"] == f"mspass-test-{STACK_ID[:6]}"
    assert {"--dependency=singleton", "--signal=B:USR1@60", "--open-mode=append", "--requeue"} <= {*job["words"]}
    assert job["words"][-1] == f"{stack.directory}/run/job.sh"
    assert stack.create()["job"] == "4711"
    stack.slurm.set("4711", state="RUNNING")
    assert stack.create()["job"] == "4711"
    assert len(stack.slurm.jobs) == 1


def test_a_job_of_the_same_name_that_is_another_stacks_is_not_ours(stack: Stack) -> None:
    stack.create()
    stack.slurm.set("4711", comment="mspass stack=0123456789ab run=/elsewhere/run")
    assert stack.create()["job"] == "4712"


def test_of_two_that_somebody_submitted_the_one_that_runs_stays(stack: Stack) -> None:
    for _ in range(2):
        stack.create()
        (*_, last) = stack.slurm.jobs
        stack.slurm.set(last["id"], state="SUSPENDED" if last["id"] == "4711" else "PENDING", name="kept")
    for job in stack.slurm.jobs:
        stack.slurm.set(job["id"], name=f"mspass-test-{STACK_ID[:6]}", state="PENDING")
    stack.slurm.set("4712", state="RUNNING")
    assert stack.create()["job"] == "4712"
    assert _states(stack) == ["CANCELLED", "RUNNING"]


def test_variables_that_sbatch_would_take_for_options_do_not_reach_it(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SBATCH_PARTITION", "wrong")
    (stack.slurm.bin / "sbatch").write_text('#!/bin/sh\necho "${SBATCH_PARTITION-none}"\n')
    assert stack.create()["job"] == "none"


def test_a_job_that_is_over_is_not_gone_and_the_preview_says_how_it_ended(stack: Stack) -> None:
    stack.create()
    stack.slurm.set("4711", state="RUNNING")
    assert stack.read("4711")["ended"] == {}
    stack.slurm.forget("4711")
    stack.note_end("4711")
    outputs = stack.read("4711")
    assert outputs["ended"] == {"state": "STOPPED", "exit": 0, "when": "1970-01-01 00:00:00"}
    stack.update(outputs, preview=True)
    ended, taken = stack.said[-2:]
    assert ended == ("info: job 4711 ended by STOPPED at 1970-01-01 00:00:00; a new one is submitted (2 nodes x 10:00)")
    assert taken.startswith("info: Slurm takes it: Job 4711 to start at ")
    assert stack.slurm.jobs == []
    stack.update(outputs)
    assert len(stack.slurm.jobs) == 1


def test_an_end_without_a_record_of_its_own_has_slurms_word_for_it(stack: Stack) -> None:
    stack.create()
    stack.note_end("4000", "CANCELLED")
    stack.slurm.set("4711", state="TIMEOUT")
    assert stack.read("4711")["ended"]["state"] == "TIMEOUT"
    stack.slurm.forget("4711")
    assert stack.read("4711")["ended"]["state"] == "an end that nobody wrote down"


def test_what_changed_holds_for_the_next_job_while_one_runs_and_one_that_waits_is_submitted_anew(stack: Stack) -> None:
    outputs = stack.create()
    stack.slurm.set("4711", state="RUNNING")
    assert stack.update(outputs, time="20:00")["job"] == "4711"
    assert stack.said[-1] == "warning: job 4711 runs as it was submitted: what changed holds for the next one"
    stack.slurm.set("4711", state="PENDING")
    assert stack.update(outputs, time="20:00")["job"] == "4712"
    assert _states(stack) == ["CANCELLED", "PENDING"]


def test_a_login_host_to_which_it_dials_out_is_no_matter_of_its_submission(stack: Stack) -> None:
    outputs = stack.create()
    assert stack.update(outputs, reverse=["login1"])["job"] == "4711"
    stack.slurm.set("4711", state="RUNNING")
    assert stack.update(outputs, reverse=["login1"])["job"] == "4711"
    assert not [line for line in stack.said if "what changed holds for the next one" in line]


def test_a_field_that_a_state_of_an_earlier_version_lacks_changes_no_job(stack: Stack) -> None:
    outputs = stack.create()
    stack.slurm.set("4711", state="RUNNING")
    assert stack.update(outputs, storage="shared")["job"] == "4711"
    assert not [line for line in stack.said if "what changed holds for the next one" in line]


def test_a_job_that_runs_is_replaced_where_the_config_says_so(stack: Stack) -> None:
    outputs = stack.create()
    stack.slurm.set("4711", state="RUNNING")
    assert stack.update(outputs, time="20:00", replace=True)["job"] == "4712"
    assert stack.slurm.signals[0] == ["--signal=USR1", "--batch", "4711"]
    assert _states(stack) == ["COMPLETED", "PENDING"]


def test_where_the_config_says_so_the_nodes_are_asked_for_on_which_data_were_left(stack: Stack) -> None:
    stack.create(rescue=True)
    assert not [word for word in stack.slurm.jobs[0]["words"] if word.startswith("--nodelist")]
    assert "info: no data are left on nodes: mspass:rescue asks for none" in stack.said
    store = Store(stack.directory)
    store.open("4711.0", {"data_config_node0": "n4", "data_shard_a_node0": "n4", "data_shard_b_node1": "n2"})
    stack.slurm.set("4711", state="FAILED")
    stack.create(rescue=True)
    assert "--nodelist=n2,n4" in stack.slurm.jobs[1]["words"]
    stack.slurm.set("4712", state="FAILED")
    stack.create()
    assert not [word for word in stack.slurm.jobs[2]["words"] if word.startswith("--nodelist")]


def test_what_was_not_stored_is_said_with_how_a_job_ended(stack: Stack) -> None:
    outputs = stack.create()
    stack.slurm.set("4711", state="COMPLETED")
    stack.note_end("4711", unsaved="the data are not stored")
    found = stack.read("4711")
    assert found["ended"]["unsaved"] == "the data are not stored"
    stack.update(outputs | found)
    assert "warning: the data are not stored" in stack.said


def test_sbatchs_refusal_is_told_in_its_words(stack: Stack) -> None:
    stack.slurm.refuse("Invalid account")
    with pytest.raises(Refused, match=r"^sbatch refuses: Invalid account$"):
        stack.create()


def test_one_that_waits_is_cancelled_and_one_that_runs_is_told_to_stop_first(stack: Stack) -> None:
    for state, first in (("PENDING", "--state=PENDING"), ("RUNNING", "--signal=USR1")):
        job = stack.create()["job"]
        stack.slurm.set(job, state=state)
        before = len(stack.slurm.signals)
        SLURM_JOB.delete(stack.call(stack.inputs(), outputs={"job": job}))
        told = [word for words in stack.slurm.signals[before:] for word in words]
        assert first in told
    assert _states(stack) == ["CANCELLED", "COMPLETED"]


@pytest.mark.parametrize("reason", ["PartitionTimeLimit", "BadConstraints", "InvalidAccount"])
def test_a_reason_that_does_not_pass_ends_the_wait_at_once(stack: Stack, reason: str) -> None:
    stack.create()
    stack.slurm.set("4711", reason=reason)
    with pytest.raises(Refused, match=f"^job 4711 waits for what does not come: {reason}: change mspass:cluster.slurm"):
        stack.wait("4711", 600)


def test_when_an_up_has_waited_long_enough_it_ends_with_a_text_that_is_no_failure(stack: Stack) -> None:
    stack.create()
    stack.slurm.set("4711", start="2026-11-28T03:00:00")
    with pytest.raises(InitFailed) as waits:
        stack.wait("4711")
    assert "info" not in "".join(stack.said)
    assert stack.said[-1] == "status: job 4711 waits: Priority, estimated start 2026-11-28T03:00:00"
    assert (
        "job 4711 waits: Priority, estimated start 2026-11-28T03:00:00; the cluster comes up without you, and pulumi "
        "up goes on from here" in str(waits.value)
    )
    assert _states(stack) == ["PENDING"]


def test_a_job_that_ends_while_it_is_waited_for_shows_the_end_of_its_log(stack: Stack) -> None:
    stack.create()
    stack.slurm.set("4711", state="FAILED")
    stack.note_log("no Python 3.8 or newer on the nodes\n")
    with pytest.raises(Refused, match=r"job 4711 is over \(FAILED\); the end of its log:\nno Python 3.8 or newer"):
        stack.wait("4711", 600)


def test_a_supervisor_that_does_not_beat_is_not_up(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allocation, "BEATS", 1.0)
    stack.create()
    stack.slurm.set("4711", state="RUNNING")
    beat = {"job": "4711", "restart": 0, "state": "RUNNING", "count": 7}
    (stack.directory / "run" / "beat").write_text(json.dumps(beat))
    with pytest.raises(InitFailed) as waits:
        stack.wait("4711")
    assert "job 4711 runs, and its supervisor does not start" in str(waits.value)


def test_status_shows_a_job_in_a_line(stack: Stack) -> None:
    assert str(stack.view()) == "job: none was submitted yet, or nothing is left of it; pulumi up submits another"
    stack.create()
    assert str(stack.view()) == "job 4711 PENDING: Priority, no estimate of its start"
    stack.slurm.set("4711", start="2026-11-28T03:00:00")
    assert str(stack.view()) == "job 4711 PENDING: Priority, estimated start 2026-11-28 03:00:00"
    stack.slurm.set("4711", state="RUNNING", left="2:13:00", used="1-02:30:00", count="2")
    nodes = {f"node{number}": {"name": f"n{number}", "address": f"10.0.0.{number}"} for number in range(2)}
    (stack.directory / "run" / "allocation.json").write_text(json.dumps({"job": "4711", "nodes": nodes}))
    assert str(stack.view()) == ("job 4711 RUNNING on n0, n1 since 2026-11-28 03:00:00, 2:13:00 left, 53.0 node-hours")
    assert stack.view().dump()["nodeHours"] == 53.0
    stack.slurm.set("4711", state="TIMEOUT", end="2026-11-28T07:00:00")
    assert str(stack.view()) == "job 4711 ended: TIMEOUT at 2026-11-28 07:00:00; pulumi up submits another"
    stack.note_end("4711")
    assert str(stack.view()) == "job 4711 ended: STOPPED at 1970-01-01 00:00:00; pulumi up submits another"
    known = {"job": "4711", "restart": 0, "state": "FAILED", "exit": 1, "when": 0, "why": "no good:\nn1"}
    (stack.directory / "run" / "end.json").write_text(json.dumps(known))
    assert "job 4711 ended: FAILED at 1970-01-01 00:00:00 (no good:; n1); pulumi up" in str(stack.view())
    stack.note_end("4711")
    stack.slurm.forget("4711")
    assert str(stack.view()) == "job 4711 ended: STOPPED at 1970-01-01 00:00:00; pulumi up submits another"


def test_status_says_why_nothing_is_known_of_a_job(stack: Stack) -> None:
    (stack.slurm.bin / "squeue").write_text("#!/bin/sh\necho 'Unable to contact slurm controller' >&2; exit 1\n")
    assert str(stack.view()) == "job: squeue: Unable to contact slurm controller"
