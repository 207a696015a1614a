"""What a job prepares at its start, and when it is asked: one request after the other, each of one start."""

import json
import sys
import time
from pathlib import Path
from threading import Thread

import pytest

from mspass_stack.agent import preparation
from mspass_stack.agent.preparation import Preparation, Preparer, ask_preparation
from mspass_stack.agent.preparation import preparation as look

STEP = """
import json, pathlib, sys
place = pathlib.Path(sys.argv[2]) / "run/ensure"
asked = json.loads((place / "asked.json").read_text())
if not (place / "broken").exists():
    (place / "answer.json").write_text(json.dumps({**asked, "error": "", "found": {}, "release": "6.0"}))
"""
"""In the place of the agent: the step answers, or ends without a word."""


def _start(directory: Path, restart: int = 0, database: bool = True) -> Preparation:
    run = directory / "run"
    (run / "ensure").mkdir(parents=True, exist_ok=True)
    (directory / "log").mkdir(exist_ok=True)
    (run / "allocation.json").write_text(json.dumps({"job": "7", "restart": restart, "nodes": {}, "local": "/"}))
    (run / "ensure/spec.json").write_text("{}")
    if database:
        (run / "ensure.json").write_text("{}")
    return Preparation(str(directory))


def _until(preparer: Preparer, known: Preparation, number: int) -> None:
    end = time.monotonic() + 30
    while known.answer.get("number") != number:
        assert time.monotonic() < end
        preparer.turn()


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "agent.py").write_text(STEP)
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "agent.py")])


def test_nothing_waits_where_there_is_no_database(tmp_path: Path) -> None:
    assert _start(tmp_path, database=False).is_done


@pytest.mark.usefixtures("agent")
def test_each_start_prepares_anew(tmp_path: Path) -> None:
    for restart in range(2):
        known, said = _start(tmp_path, restart), list[str]()
        preparer = Preparer(str(tmp_path), said.append)
        assert not known.is_done
        assert preparer.missing
        _until(preparer, known, 1)
        while not said:  # the step has answered, and ends
            preparer.turn()
        assert known.is_done
        assert not preparer.missing
        assert said == ["the database is prepared"]
        assert (tmp_path / "db-version").read_text() == "6.0\n"


@pytest.mark.usefixtures("agent")
def test_what_waits_goes_on_when_it_is_done(tmp_path: Path) -> None:
    known = _start(tmp_path)
    waiting = Thread(target=preparation.wait, args=(str(tmp_path),), daemon=True)
    waiting.start()
    assert waiting.is_alive()
    _until(Preparer(str(tmp_path), print), known, 1)
    waiting.join(30)
    assert not waiting.is_alive()


@pytest.mark.usefixtures("agent")
def test_a_step_that_ends_without_a_word_is_an_error_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, broken = _start(tmp_path), tmp_path / "run/ensure/broken"
    broken.touch()
    (tmp_path / "log/ensure.log").write_text("No module named 'pymongo'\n")
    monkeypatch.setattr(preparation, "PAUSE", 0.0)
    preparer = Preparer(str(tmp_path), print)
    _until(preparer, known, 1)
    assert "ended with 0; the end of its log:\nNo module named 'pymongo'" in known.answer["error"]
    broken.unlink()
    _until(preparer, known, 2)
    assert known.is_done


@pytest.mark.usefixtures("agent")
def test_who_asks_is_answered_by_what_is_under_way_unless_it_has_to_be_anew(tmp_path: Path) -> None:
    known, place = _start(tmp_path), str(tmp_path)
    assert ask_preparation(directory=place, leaving=[], anew=False) == 1
    assert ask_preparation(directory=place, leaving=[], anew=False) == 1
    preparer = Preparer(place, print)
    _until(preparer, known, 1)
    assert ask_preparation(directory=place, leaving=[], anew=False) == 1
    assert ask_preparation(directory=place, leaving=[], anew=True) == 2
    assert ask_preparation(directory=place, leaving=["a"], anew=False) == 3
    assert look(directory=place)["answer"]["number"] == 1
    _until(preparer, known, 3)
    assert known.answer["leaving"] == ["a"]


def test_an_answer_to_another_declaration_is_stale(tmp_path: Path) -> None:
    known = _start(tmp_path)
    known.ask()
    known.fail("no")
    answer = tmp_path / "run/ensure/answer.json"
    answer.write_text(json.dumps({**known.answer, "spec": known.spec}))
    assert not look(directory=str(tmp_path))["is_stale"]
    (tmp_path / "run/ensure/spec.json").write_text('{"collections": {}}')
    assert look(directory=str(tmp_path))["is_stale"]
