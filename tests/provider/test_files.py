"""Folders and secret files of a stack."""

import stat
from pathlib import Path
from typing import Any

import pytest

from mspass_stack.machine import Here
from mspass_stack.provider.codec import UNKNOWNS
from mspass_stack.provider.files import owner
from mspass_stack.provider.registry import RESOURCES
from mspass_stack.provider.resource import InitFailed
from tests.provider.conftest import Host

FILES = RESOURCES["HostFiles"]


def _inputs(host: Host, content: str = "secret") -> dict[str, Any]:
    secret = str(host.home / "secrets" / "keyfile")
    folders = [str(host.home / "db"), str(host.home.parent / "work")]
    return {"home": str(host.home), "host": "here", "folders": folders, "files": {secret: content}, "key": "k"}


def _state(host: Host, inputs: dict[str, Any]) -> dict[str, Any]:
    """Outputs and inputs as the state holds them after a create."""
    return {"outputs": FILES.create(host.call(inputs))[1], "old_inputs": host.call(inputs).inputs}


def test_a_secret_file_is_its_owners_only_and_says_nothing_in_the_state(host: Host) -> None:
    state = _state(host, _inputs(host))
    path = host.home / "secrets" / "keyfile"
    assert path.read_text() == "secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert "secret" not in str(state["outputs"]["digests"].values())


def test_a_lost_changed_or_opened_file_is_seen_and_mended(host: Host) -> None:
    inputs = _inputs(host)
    state = _state(host, inputs)
    path = host.home / "secrets" / "keyfile"
    assert FILES.diff(host.call(inputs, **state)) == []
    for harm in (path.unlink, lambda: path.write_text("other"), lambda: path.chmod(0o644)):
        harm()
        found = FILES.read(host.call(inputs, **state))
        assert found
        assert FILES.diff(host.call(inputs, outputs=found, old_inputs=state["old_inputs"])) == ["files"]
        FILES.update(host.call(inputs, **state))
        assert path.read_text() == "secret"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_delete_removes_secrets_and_never_data(host: Host) -> None:
    inputs = _inputs(host)
    FILES.create(host.call(inputs))
    data = [host.home / "db" / "collection.wt", host.home.parent / "work" / "notebook.ipynb"]
    for path in data:
        path.write_text("the user's")
    FILES.delete(host.call(inputs))
    assert [path.read_text() for path in data] == ["the user's"] * 2
    assert not Path(host.home / "secrets").exists()


def test_a_folder_that_could_not_be_filled_is_in_the_state_and_given_back(host: Host) -> None:
    inputs = _inputs(host)
    (host.home / "secrets").mkdir()
    (host.home / "secrets" / "keyfile").mkdir()
    with pytest.raises(InitFailed, match="secrets/keyfile") as failed:
        FILES.create(host.call(inputs))
    (host.home / "secrets" / "keyfile").rmdir()
    state = {"outputs": failed.value.outputs, "old_inputs": host.call(inputs).inputs}
    assert FILES.diff(host.call(inputs, **state)) == ["files"], "the next up goes on"
    FILES.delete(host.call(inputs))
    assert owner(Here(), str(host.home)) is None


def test_a_preview_knows_the_digests_of_files_that_it_knows(host: Host) -> None:
    inputs = _inputs(host)
    state = _state(host, inputs)
    more = {**inputs, "files": {**inputs["files"], str(host.home / "secrets" / "more"): "another"}}
    told = FILES.update(host.call(more, **state, preview=True))
    assert told["digests"].items() > state["outputs"]["digests"].items()
    assert FILES.update(host.call(more, **state))["digests"] == told["digests"]
    unknown = {**inputs, "files": {path: min(UNKNOWNS) for path in more["files"]}}
    assert FILES.update(host.call(unknown, **state, preview=True)) == {"user": state["outputs"]["user"]}


def test_a_file_no_longer_declared_is_removed(host: Host) -> None:
    inputs = _inputs(host)
    state = _state(host, inputs)
    FILES.update(host.call({**inputs, "files": {}}, **state))
    assert not (host.home / "secrets" / "keyfile").exists()
