"""A job that twice was not ready for the same reason is not requeued again."""

import json
import time
from pathlib import Path
from typing import Any, cast

import pytest

from mspass_stack.agent import job as jobs
from mspass_stack.agent import slurm
from mspass_stack.agent.errors import Refused
from mspass_stack.agent.failures import KEPT, LENGTH, PATIENCE, Failures
from mspass_stack.agent.job import Job
from mspass_stack.agent.job_supervisor import JobSupervisor
from mspass_stack.agent.preparation import Preparer

WHY = "shard-a-node1 (exit status 100)"


def test_two_starts_in_a_row_for_one_reason_are_enough(tmp_path: Path) -> None:
    for restart, reason, hopeless in ((0, WHY, ""), (1, "other", ""), (2, WHY, ""), (3, WHY, WHY)):
        failures = Failures(tmp_path, "7", restart)
        failures.note(reason)
        assert failures.hopeless == hopeless
    assert Failures(tmp_path, "8", 0).hopeless == ""


def test_one_start_counts_once_and_one_that_got_ready_begins_anew(tmp_path: Path) -> None:
    for _ in range(2):
        Failures(tmp_path, "7", 0).note(WHY)
    assert not Failures(tmp_path, "7", 0).hopeless
    Failures(tmp_path, "7", 1).forget()
    Failures(tmp_path, "7", 2).note(WHY)
    assert not Failures(tmp_path, "7", 2).hopeless


def test_the_file_stays_small(tmp_path: Path) -> None:
    for restart in range(50):
        Failures(tmp_path, "7", restart).note(f"{restart}" * 10000)
    known = json.loads((tmp_path / "failures.json").read_text())
    assert len(known) == KEPT
    assert {len(one["reason"]) for one in known} == {LENGTH}


@pytest.mark.parametrize("text", ["", "{", "null", "[{}]", "[1]"])
def test_a_file_that_says_nothing_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "failures.json").write_text(text)
    assert not Failures(tmp_path, "7", 0).hopeless


class _Supervisor:
    def __init__(self) -> None:
        self.missing = WHY

    def unready(self) -> str:
        return self.missing


class _Prepared:
    missing = ""


PREPARED = cast(Preparer, _Prepared())


def _job(directory: Path, monkeypatch: pytest.MonkeyPatch, restart: int) -> Any:
    (directory / "run").mkdir(exist_ok=True)
    (directory / "run/job.json").write_text(json.dumps({"local": str(directory)}))
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("SLURM_RESTART_COUNT", str(restart))
    return Job(str(directory))


def test_a_job_forbids_its_requeue_after_the_second_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forbidden: list[str] = []
    monkeypatch.setattr(slurm, "forbid_requeue", lambda job: not forbidden.append(job))  # pyright: ignore
    supervisor = cast(JobSupervisor, _Supervisor())
    for restart, expected in ((0, []), (1, ["7"])):
        job = _job(tmp_path, monkeypatch, restart)
        job._failures.refuse()
        job._judge(supervisor, PREPARED)  # too soon
        begun = time.monotonic()
        monkeypatch.setattr(jobs.time, "monotonic", lambda begun=begun: begun + PATIENCE + 1)
        for _ in range(2):
            job._judge(supervisor, PREPARED)
        monkeypatch.undo()
        monkeypatch.setattr(slurm, "forbid_requeue", lambda job: not forbidden.append(job))  # pyright: ignore
        assert forbidden == expected
    with pytest.raises(Refused, match="twice not ready within 10 min: shard-a-node1"):
        _job(tmp_path, monkeypatch, 2)._failures.refuse()


def test_a_job_that_got_ready_is_judged_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    double = _Supervisor()
    job = _job(tmp_path, monkeypatch, 0)
    double.missing = ""
    job._judge(double, PREPARED)
    double.missing = WHY
    monkeypatch.setattr(jobs, "PATIENCE", -1.0)
    job._judge(double, PREPARED)
    assert not (tmp_path / "run/failures.json").exists()
