"""Versions of a database that runs: made every interval, given up when the job ends, and when writes wait too long."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mspass_stack.agent import checkpoint, write_lock
from mspass_stack.agent.checkpoint import Checkpoints
from mspass_stack.agent.write_lock import WriteLock

STEP = """
import json, os, pathlib, sys, time
place = pathlib.Path(sys.argv[2]) / "run/ensure"
def read():
    return json.loads((place / "lock.json").read_text())
def tell(**known):
    (place / "partial").write_text(json.dumps({"id": read()["id"], **known}))
    (place / "partial").rename(place / "locked.json")
with (place / "steps").open("a") as steps:
    steps.write(read()["what"] + chr(10))
if read()["what"] == "hold":
    tell(state="locked", when=100.0)
    if (place / "killed").exists():
        os._exit(9)
    while read()["what"] != "free":
        time.sleep(0.02)
tell(state="free", pause=2.0, error="")
"""
"""In the place of the agent: a step that holds servers until it is asked to free them."""


class Copies:
    """In the place of the copying: it takes what is asked, and until the servers are not held any more."""

    def __init__(self, directory: str, say: Callable[[str], object], turn: Callable[[], object]) -> None:
        self._turn, self._place = turn, Path(directory) / "run/ensure"

    def checkpoint(self, lock: WriteLock) -> str:
        with lock:
            while (self._place / "slow").exists() and not self._turn():
                time.sleep(0.02)
        return "v1"


class Site:
    """A job with a database, and what it says."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.place = directory, directory / "run/ensure"
        self.said: list[str] = []
        self.place.mkdir(parents=True)
        (directory / "log").mkdir()
        start: dict[str, Any] = {"job": "7", "restart": 0}
        (directory / "run/allocation.json").write_text(json.dumps({**start, "nodes": {}, "local": "/"}))
        (directory / "run/data.json").write_text('{"lost": ""}')
        (directory / "run/ensure.json").write_text("{}")
        for name, known in (("asked", start), ("answer", {**start, "error": ""})):
            (self.place / f"{name}.json").write_text(json.dumps({**known, "number": 1}))

    def checkpoints(self, interval: float) -> Checkpoints:
        return Checkpoints(str(self.directory), interval, self.said.append)

    def until(self, checkpoints: Checkpoints, word: str) -> None:
        end = time.monotonic() + 30
        while not any(word in line for line in [*self.said, *self.steps]):
            assert time.monotonic() < end, self.said
            checkpoints.turn()

    @property
    def steps(self) -> list[str]:
        file = self.place / "steps"
        return file.read_text().split() if file.exists() else []

    @property
    def trouble(self) -> str:
        return json.loads((self.directory / "run/data.json").read_text()).get("checkpoint", "")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    (tmp_path / "agent.py").write_text(STEP)
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "agent.py")])
    monkeypatch.setattr(checkpoint, "Staging", Copies)
    monkeypatch.setattr(write_lock, "TURN", 0.02)
    monkeypatch.setattr(write_lock, "PAUSE", 0.02)
    return Site(tmp_path / "stack")


def test_none_is_made_where_none_is_asked_for_or_due(site: Site) -> None:
    for interval in (0, 3600):
        checkpoints = site.checkpoints(interval)
        checkpoints.turn()
        assert not checkpoints.end()
    assert not site.steps


def test_none_begins_before_the_database_is_prepared(site: Site) -> None:
    (site.place / "answer.json").unlink()
    checkpoints = site.checkpoints(-1)
    checkpoints.turn()
    assert not checkpoints.end()
    assert not site.steps


def test_one_that_lets_writes_wait_too_long_counts_and_is_the_last(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoints = site.checkpoints(30)
    monkeypatch.setattr(checkpoints, "_next", 0.0)
    site.until(checkpoints, "checkpoint v1: writes waited for 2.0 s")
    assert checkpoints.end()
    assert "the last one let all writes wait for 2.0 s, which is over 5% of its interval (30 s)" in site.trouble
    assert site.trouble in site.said
    monkeypatch.setattr(checkpoints, "_next", 0.0)
    checkpoints.turn()
    assert not checkpoints.end()
    assert site.steps == ["hold"]


def test_another_follows_one_that_was_short(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoints = site.checkpoints(3600)
    for count in (1, 2):
        monkeypatch.setattr(checkpoints, "_next", 0.0)
        site.until(checkpoints, "checkpoint v1: writes waited for 2.0 s")
        assert checkpoints.end()
        assert site.steps == ["hold"] * count
        site.said.clear()
    assert site.trouble == ""


def test_an_ordered_stop_ends_one_and_the_servers_are_free(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    (site.place / "slow").touch()
    checkpoints = site.checkpoints(3600)
    monkeypatch.setattr(checkpoints, "_next", 0.0)
    site.until(checkpoints, "hold")
    checkpoints.end()
    assert json.loads((site.place / "lock.json").read_text())["what"] == "free"
    assert json.loads((site.place / "locked.json").read_text())["state"] == "free"


def test_who_holds_the_servers_and_is_killed_is_followed_by_one_that_frees_them(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("slow", "killed"):
        (site.place / name).touch()
    checkpoints = site.checkpoints(3600)
    monkeypatch.setattr(checkpoints, "_next", 0.0)
    site.until(checkpoints, "no checkpoint was made: ")
    assert not checkpoints.end()
    assert site.steps == ["hold", "free"]
    assert json.loads((site.place / "locked.json").read_text())["state"] == "free"
    assert "who holds the servers is gone" in site.trouble
