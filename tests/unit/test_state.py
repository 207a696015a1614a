"""What is said where Pulumi has no answer, or one that does not help."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mspass_stack import state
from mspass_stack.errors import NotUpError

INVENTORY: dict[str, Any] = {
    "stack": "one",
    "stack_id": "",
    "hosts": {},
    "processes": [],
    "encrypted": [],
    "collections": {},
}


def _answers(monkeypatch: pytest.MonkeyPatch, outputs: dict[str, Any]) -> list[tuple[str, ...]]:
    """Let Pulumi answer with outputs; return the list of what it is asked."""
    asked: list[tuple[str, ...]] = []

    def pulumi(*words: str) -> "subprocess.CompletedProcess[str]":
        asked.append(words)
        return subprocess.CompletedProcess(words, 0, json.dumps(outputs), "")

    monkeypatch.setattr(state, "pulumi", pulumi)
    return asked


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder within a project, where we are."""
    (tmp_path / "Pulumi.yaml").touch()
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    return tmp_path


def test_a_stack_that_is_not_up_is_told_from_one_whose_program_exports_no_inventory(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _answers(monkeypatch, {})
    with pytest.raises(NotUpError, match=r"^stack 'one' is not up: pulumi up -s one$"):
        state.deployed("one")
    _answers(monkeypatch, {"databaseUri": "mongodb://"})
    with pytest.raises(NotUpError, match=r"^stack 'one' has no output 'inventory'"):
        state.deployed("one")


def test_outputs_and_inventory_are_asked_for_once(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = _answers(monkeypatch, {"inventory": INVENTORY})
    outputs, inventory = state.deployed("one")
    assert (set(outputs), inventory.stack, len(asked)) == ({"inventory"}, "one", 1)


def test_whoever_is_in_no_project_is_told_where_to_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    asked = _answers(monkeypatch, {})
    for ask in (lambda: state.deployed("one"), lambda: state.resources("one"), state.selected):
        with pytest.raises(NotUpError, match=rf"^no Pulumi.yaml in {tmp_path} or above it: change to"):
            ask()
    assert asked == []
    with pytest.raises(NotUpError, match="is not up"):
        state.deployed("theirs/project/one")
    assert len(asked) == 1, "such a name needs no project"
