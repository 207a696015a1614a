"""The program that runs others beside a process, on its own: what it keeps, and what it says of what is not there."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mspass_stack.agent.run import NO_RUN
from mspass_stack.cli.runs import PROGRAM
from mspass_stack.polling import wait_until

Ask = Callable[..., Any]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Asks it as `mspass-stack run` does, from a directory with a user's own `signal.py`."""
    (tmp_path / "signal.py").write_text("raise SystemExit('this is not for you')\n")
    (tmp_path / "variables.env").write_text("GIVEN='by a file'\n")

    def asked(call: str, *words: str, environment: dict[str, str] | None = None) -> Any:
        argv = [sys.executable, "-I", "-c", PROGRAM, call, str(tmp_path / "runs"), *words]
        ran = subprocess.run(
            argv, cwd=tmp_path, env={**os.environ, **(environment or {})}, capture_output=True, text=True, timeout=60
        )
        return json.loads(ran.stdout) if ran.returncode == 0 else ran.returncode

    return asked


@pytest.fixture
def start(ask: Ask, tmp_path: Path) -> Ask:
    def started(name: str, *argv: str, **more: Any) -> Any:
        return ask("start", name, str(tmp_path), str(tmp_path / "variables.env"), *argv, **more)

    return started


def _followed(ask: Ask, name: str) -> tuple[str, dict[str, Any]]:
    offset, said = 0, ""
    while True:
        seen = ask("follow", name, str(offset), "5")
        offset, said = seen["offset"], said + seen["output"]
        if seen["status"] is not None:
            return said, seen


def test_all_that_it_says_is_kept_character_by_character(ask: Ask, start: Ask) -> None:
    code = "import os; print('a' * 65535 + 'éz' + os.environ['GIVEN']); raise SystemExit(3)"
    assert start("1", sys.executable, "-I", "-c", code) == "1"
    assert wait_until(lambda: ask("follow", "1", "10000000", "5")["status"] is not None, 30)
    said, seen = _followed(ask, "1")
    assert said == "a" * 65535 + "ézby a file\n"
    assert (seen["status"], seen["why"]) == (3, "")


def test_one_that_has_ended_at_once_is_ended_without_ado(ask: Ask, start: Ask) -> None:
    start("1", "/bin/echo", "hi")
    assert ask("end", "1") == "1"
    assert _followed(ask, "1")[1]["status"] == 0


def test_a_program_that_does_not_exist_says_so(ask: Ask, start: Ask) -> None:
    start("1", "no-such-program")
    said, seen = _followed(ask, "1")
    assert ("no-such-program" in said, seen["status"]) == (True, 127)


@pytest.mark.parametrize("call", [("follow", "nope", "0", "1"), ("end", "nope")])
def test_what_was_not_run_is_told_by_a_status_of_its_own(ask: Ask, call: tuple[str, ...]) -> None:
    assert ask(*call) == NO_RUN


def test_the_newest_is_found(ask: Ask, start: Ask) -> None:
    assert ask("newest") == ""
    for name in ("20260102-000000-aa", "20260103-000000-aa"):
        start(name, "/bin/true")
    assert ask("newest") == "20260103-000000-aa"


def test_it_ends_with_the_process_whose_pid_the_launcher_wrote_and_with_no_other(
    ask: Ask, start: Ask, tmp_path: Path
) -> None:
    marks = {"MSPASS_STACK_HOME": str(tmp_path), "MSPASS_PROCESS": "frontend"}
    (tmp_path / "run").mkdir()
    older = subprocess.Popen(["sleep", "600"], env={**os.environ, **marks})
    beside = subprocess.Popen(["sleep", "600"], env={**os.environ, **marks})
    try:
        (tmp_path / "run" / "frontend.pid").write_text(str(beside.pid))
        start("1", "/bin/sleep", "600", environment=marks)
        older.kill()
        older.wait()
        assert ask("follow", "1", "0", "2")["status"] is None
        beside.kill()
        beside.wait()
        assert "was stopped or restarted" in _followed(ask, "1")[1]["why"]
    finally:
        for process in (older, beside):
            process.kill()
            process.wait()
        ask("end", "1")
