"""The ordered stop begins earlier than Slurm says it where the data need longer to be copied."""

import json
import time
from pathlib import Path

import pytest

from mspass_stack.agent import early_stop, slurm
from mspass_stack.agent.allocation import Allocation
from mspass_stack.agent.early_stop import COPIES, SLURMS, EarlyStop

LEAD = 600.0
BANDWIDTH = 1 << 20


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    run = tmp_path / "run"
    (run / "programs").mkdir(parents=True)
    Allocation(run).write("7", 0, "/tmp/job", {}, "")
    (run / "data.json").write_text(json.dumps({"bandwidth": BANDWIDTH}))
    for name in ("mongod", "jupyter"):
        (run / "programs" / f"{name}.ini").write_text("priority=1\n")
    return tmp_path


def _ends_in(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    def end_of(job: str) -> str:
        return time.strftime(SLURMS, time.localtime(time.time() + seconds))

    monkeypatch.setattr(slurm, "end_of", end_of)
    monkeypatch.setattr(early_stop, "TURN", 0)


def _stop(directory: Path, count: int, said: list[str]) -> EarlyStop:
    (directory / "run/mongod.bytes").write_text(f"{count}\n")
    return EarlyStop(str(directory), "7", LEAD, 100, said.append)


def test_few_data_wait_for_slurm_s_word(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _ends_in(10, monkeypatch)
    stop = _stop(directory, 100 * BANDWIDTH, said := [])
    assert stop.needed == COPIES * 100 + 100
    assert not stop.is_due()
    assert not said


def test_more_begin_by_twice_their_copy_and_the_graces(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _ends_in(20_000, monkeypatch)
    stop = _stop(directory, 1000 * BANDWIDTH, said := [])
    assert not stop.is_due()
    assert said == ["data need time to be stored: the ordered stop begins 2100 s before the end of the job"]
    with monkeypatch.context() as earlier:
        began = time.time() - 20_000
        earlier.setattr(time, "time", lambda: began)
        stop = _stop(directory, 1000 * BANDWIDTH, [])
    _ends_in(2200, monkeypatch)
    assert not stop.is_due()
    _ends_in(2000, monkeypatch)
    assert stop.is_due()


def test_a_job_that_is_too_short_for_its_data_has_half_of_it_to_work_in(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _ends_in(2000, monkeypatch)
    assert not _stop(directory, 10_000 * BANDWIDTH, said := []).is_due()
    assert "begins 1000 s before the end" in said[0]


def test_a_controller_that_does_not_answer_ends_nothing(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _ends_in(1, monkeypatch)

    def silent(job: str) -> str:
        raise slurm.NoAnswerError

    monkeypatch.setattr(slurm, "end_of", silent)
    assert not _stop(directory, 10_000 * BANDWIDTH, []).is_due()


def test_a_job_that_slurm_does_not_tell_stops_by_the_clock(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (directory / "run/mongod.bytes").write_text("0\n")
    said = list[str]()
    stop = EarlyStop(str(directory), "7", 0, 100, said.append, LEAD)
    _ends_in(20_000, monkeypatch)
    assert not stop.is_due()
    with monkeypatch.context() as earlier:
        began = time.time() - 20_000
        earlier.setattr(time, "time", lambda: began)
        stop = EarlyStop(str(directory), "7", 0, 100, said.append, LEAD)
    _ends_in(LEAD + 60, monkeypatch)
    assert not stop.is_due()
    _ends_in(LEAD - 1, monkeypatch)
    assert stop.is_due()
    assert not said
