"""A stack's directory and processes after somebody has laid hands on them, as the state sees it."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mspass_stack.agent import rpc
from mspass_stack.errors import Refused
from mspass_stack.provider.server.registry import RESOURCES
from tests.provider.conftest import HERE, Host

FILES = RESOURCES["HostFiles"]

SLEEPER = "import time; time.sleep(1000)"


@pytest.fixture
def directory_with_blanks() -> Iterator[Path]:
    """Short besides: a Unix socket is in it."""
    with tempfile.TemporaryDirectory(prefix="my own ") as directory:
        yield Path(directory)


def _files(stack_dir: Path) -> dict[str, Any]:
    """Inputs of the `HostFiles` of a directory."""
    return {
        "connection": HERE,
        "stackDir": str(stack_dir),
        "host": "here",
        "directories": [str(stack_dir / "db")],
        "files": {},
        "digestKey": "k",
    }


def test_a_directory_with_blanks_is_as_good_as_any(directory_with_blanks: Path) -> None:
    host = Host(directory_with_blanks)
    try:
        assert host.read(inputs := host.python("mongod", SLEEPER)) is None
        assert host.ensure(inputs)["incarnation"]
    finally:
        host.manager.shut_down()
    assert host.running() == []


def test_a_removed_run_directory_leads_to_no_second_process_and_is_healed(host: Host) -> None:
    inputs = host.python("mongod", SLEEPER)
    first = host.ensure(inputs)
    shutil.rmtree(host.stack_dir / "run")
    assert host.read(inputs) is None
    second = host.ensure(inputs)
    assert second["incarnation"] != first["incarnation"]
    assert host.running() == ["", "mongod"]


def test_a_removed_run_directory_does_not_keep_anything_alive_after_destroy(host: Host) -> None:
    FILES.create(host.call(files := _files(host.stack_dir)))
    host.ensure(inputs := host.python("mongod", SLEEPER))
    shutil.rmtree(host.stack_dir / "run")
    RESOURCES["HostProcess"].delete(host.call(inputs))
    FILES.delete(host.call(files))
    assert host.running() == []


def test_a_removed_working_directory_is_seen_and_its_process_started_anew(host: Host, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    inputs = host.python("mongod", SLEEPER, directory=str(work))
    first = host.ensure(inputs)
    work.rmdir()
    assert host.read(inputs) is None
    work.mkdir()
    assert host.ensure(inputs)["incarnation"] != first["incarnation"]


def test_a_supervisor_that_hangs_is_named_and_not_waited_for(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = host.python("mongod", SLEEPER)
    host.ensure(inputs)
    pid = int((host.stack_dir / "run" / "supervisord.pid").read_text())
    os.kill(pid, signal.SIGSTOP)
    try:
        with (
            monkeypatch.context() as patched,
            pytest.raises(Refused, match=rf"supervisord \(pid {pid}\) of .* does not answer: .*kill -CONT {pid}"),
        ):
            patched.setattr(rpc, "ANSWER", 1.0)
            host.read(inputs)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert host.read(inputs)


def test_a_stack_that_moves_leaves_its_data_and_nothing_running_in_its_old_directory(
    host: Host, tmp_path: Path
) -> None:
    old, new = _files(host.stack_dir), _files(tmp_path / "new")
    outputs = FILES.create(host.call(old))[1]
    document = host.stack_dir / "db" / "document"
    document.touch()
    host.ensure(host.python("mongod", SLEEPER))
    FILES.update(host.call(new, outputs=outputs, old_inputs=host.call(old).inputs))
    assert host.running() == []
    assert document.exists()
    assert (tmp_path / "new" / "db").is_dir()
    assert any(
        line.startswith("warning: ") and f"what is in {host.stack_dir} stays there" in line for line in host.output
    )


def test_a_process_whose_stack_moves_is_stopped_where_it_was(host: Host, tmp_path: Path) -> None:
    moved = Host(tmp_path / "new")
    before, after = host.python("mongod", SLEEPER), moved.python("mongod", SLEEPER)
    outputs = host.ensure(before)
    moved.stack_dir.mkdir()
    try:
        call = moved.call(after, outputs=outputs, old_inputs=host.call(before).inputs)
        assert RESOURCES["HostProcess"].update(call)["incarnation"]
        assert host.running() == [""]
        assert moved.running() == ["", "mongod"]
    finally:
        moved.manager.shut_down()
