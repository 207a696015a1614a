"""A stack's folder and processes after somebody has laid hands on them."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from mspass_stack.provider import rpc
from mspass_stack.provider.registry import RESOURCES
from mspass_stack.provider.resource import Refused
from mspass_stack.provider.sockets import marked
from tests.provider.conftest import STACK_ID, Host

SLEEPER = "import time; time.sleep(1000)"


def _running(host: Host) -> list[str]:
    """Names of the processes of a folder; supervisord's is empty."""
    return sorted(marked(STACK_ID, str(host.home)).values())


@pytest.fixture
def folder_with_blanks() -> Iterator[Path]:
    """Short besides: a Unix socket is in it."""
    with tempfile.TemporaryDirectory(prefix="my own ") as folder:
        yield Path(folder)


def test_a_folder_with_blanks_is_as_good_as_any(folder_with_blanks: Path) -> None:
    host = Host(folder_with_blanks)
    try:
        assert host.read(inputs := host.python("mongod", SLEEPER)) is None
        assert host.ensure(inputs)["incarnation"]
    finally:
        host.supervisor.shut_down()
    assert _running(host) == []


def test_a_removed_run_folder_leads_to_no_second_process_and_is_healed(host: Host) -> None:
    inputs = host.python("mongod", SLEEPER)
    first = host.ensure(inputs)
    shutil.rmtree(host.home / "run")
    assert host.read(inputs) is None
    second = host.ensure(inputs)
    assert second["incarnation"] != first["incarnation"]
    assert _running(host) == ["", "mongod"]


def test_a_removed_run_folder_does_not_keep_anything_alive_after_destroy(host: Host) -> None:
    host.ensure(host.python("mongod", SLEEPER))
    shutil.rmtree(host.home / "run")
    host.supervisor.shut_down()
    assert _running(host) == []


def test_a_removed_working_folder_is_seen_and_its_process_started_anew(host: Host, tmp_path: Path) -> None:
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
    pid = int((host.home / "run" / "supervisord.pid").read_text())
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


def test_a_stack_that_moves_leaves_nothing_running_in_its_old_folder(host: Host, tmp_path: Path) -> None:
    old: dict[str, Any] = {
        "home": str(host.home),
        "host": "here",
        "folders": [str(host.home / "db")],
        "files": {},
        "key": "k",
    }
    new = old | {"home": str(tmp_path / "new"), "folders": [str(tmp_path / "new" / "db")]}
    files = RESOURCES["HostFiles"]
    files.create(host.call(old))
    document = host.home / "db" / "document"
    document.touch()
    host.ensure(host.python("mongod", SLEEPER))
    files.update(host.call(new, old_inputs=host.call(old).inputs))
    assert _running(host) == []
    assert document.exists()
    assert any(said.startswith("warning: ") and f"what is in {host.home} stays there" in said for said in host.said)


def test_nothing_of_another_folder_is_ended(host: Host, tmp_path: Path) -> None:
    home = tmp_path / "other"
    home.mkdir()
    other = Host(home)
    try:
        pid = int(other.ensure(other.python("mongod", SLEEPER))["incarnation"].split("-")[0])
        host.ensure(host.python("mongod", SLEEPER))
        host.supervisor.shut_down()
        assert psutil.Process(pid).is_running()
    finally:
        other.supervisor.shut_down()
