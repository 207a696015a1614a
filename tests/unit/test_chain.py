"""What a job does at its end for those that wait for it."""

import json
from pathlib import Path
from typing import Any

import pytest

from mspass_stack.agent import chain, slurm
from mspass_stack.agent.chain import HELD_BACK, Chain


class Queue:
    """The jobs that wait, and what was done to them."""

    def __init__(self, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.run, self.waiting = run, ["7", "8", "9"]
        self.cancelled, self.delayed, self.said = list[str](), list[str](), list[str]()
        (run / "chain").mkdir(parents=True)
        (run / "chain/jobs.json").write_text(json.dumps({"wanted": 3, "jobs": ["7", "8", "9"]}))
        (run / "job.json").write_text(json.dumps({"name": "mspass", "comment": "ours"}))
        monkeypatch.setattr(slurm, "waiting", self._waiting)
        monkeypatch.setattr(slurm, "cancel", self.cancelled.extend)
        monkeypatch.setattr(slurm, "delay", self._delay)
        monkeypatch.setenv("SLURM_JOB_NUM_NODES", "4")

    def start(self, job: str, restart: int = 0) -> Chain:
        self.waiting = self.waiting[self.waiting.index(job) + 1 :] if job in self.waiting else self.waiting
        return Chain(self.run, job, restart, self.said.append)

    def notes(self, job: str) -> list[dict[str, Any]]:
        return json.loads((self.run / f"chain/{job}.json").read_text())["starts"]

    def batch(self, state: str, **asked: Any) -> None:
        place = self.run / "batch"
        place.mkdir()
        (place / "asked.json").write_text(json.dumps({"id": "b", "then": "stop", "onRestart": False, **asked}))
        (place / "b.end").write_text(json.dumps({"state": state, "exit": None}))

    def _waiting(self, name: str, comment: str) -> list[str]:
        assert (name, comment) == ("mspass", "ours")
        return self.waiting

    def _delay(self, job: str, seconds: int) -> bool:
        assert seconds == HELD_BACK
        self.delayed.append(job)
        return True


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Queue:
    return Queue(tmp_path / "run", monkeypatch)


@pytest.mark.parametrize("state", ["STOPPED", "CANCELLED", "FAILED"])
def test_a_job_that_got_ready_is_followed_however_it_ends(queue: Queue, state: str) -> None:
    one = queue.start("7")
    one.turn()
    one.note_ready()
    one.end(state)
    assert (queue.cancelled, queue.delayed, queue.said) == ([], [], ["job 8 follows"])
    (note,) = queue.notes("7")
    assert (note["nodes"], note["ready"], note["state"]) == (4, True, state)


@pytest.mark.parametrize("state", ["STOPPED", "CANCELLED"])
def test_one_that_somebody_ends_before_it_is_ready_has_not_failed(queue: Queue, state: str) -> None:
    queue.start("7").end(state)
    assert (queue.cancelled, queue.delayed) == ([], [])


def test_after_one_that_did_not_get_ready_the_next_waits_and_after_two_none_comes(queue: Queue) -> None:
    queue.start("7").end("FAILED")
    assert (queue.cancelled, queue.delayed) == ([], ["8"])
    queue.start("8").end("FAILED")
    assert (queue.cancelled, queue.delayed) == (["9"], ["8"])
    assert queue.said[-1] == "two jobs in a row did not get ready: job 9 cancelled"


def test_one_that_gets_ready_begins_anew(queue: Queue) -> None:
    queue.start("7").end("FAILED")
    two = queue.start("8")
    two.note_ready()
    two.end("STOPPED")
    queue.waiting = ["9", "10"]
    queue.start("9").end("FAILED")
    assert (queue.cancelled, queue.delayed) == ([], ["8", "10"])


def test_one_that_was_requeued_has_a_note_of_each_start(queue: Queue) -> None:
    queue.start("7").turn()
    queue.start("7", 1).end("STOPPED")
    assert [(note["restart"], note["state"]) for note in queue.notes("7")] == [(0, ""), (1, "STOPPED")]


@pytest.mark.parametrize(
    ("state", "asked", "is_over"),
    [
        ("done", {}, True),
        ("failed", {}, True),
        ("interrupted", {}, True),
        ("interrupted", {"onRestart": True}, False),
        ("done", {"then": "keep"}, False),
    ],
)
def test_a_batch_that_has_ended_ends_the_chain_where_it_was_for_it(
    queue: Queue, state: str, asked: dict[str, Any], is_over: bool
) -> None:
    queue.batch(state, **asked)
    one = queue.start("7")
    one.note_ready()
    one.end("STOPPED")
    assert queue.cancelled == (["8", "9"] if is_over else [])


def test_a_job_of_its_users_own_leaves_those_that_wait_alone(queue: Queue) -> None:
    (queue.run / "job.json").write_text(json.dumps({"given": True}))
    queue.start("7").end("FAILED")
    assert (queue.cancelled, queue.delayed, queue.said) == ([], [], [])


def test_a_controller_that_does_not_answer_and_a_full_disk_end_nothing_else(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(name: str, comment: str) -> list[str]:
        raise slurm.NoAnswerError

    def full(path: Path, text: str) -> None:
        raise OSError

    monkeypatch.setattr(slurm, "waiting", silent)
    monkeypatch.setattr(chain.settings, "write", full)
    queue.start("7").end("FAILED")
