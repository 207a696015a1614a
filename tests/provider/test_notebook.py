"""The program that runs a notebook, on its own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from nbformat import v4

from mspass_stack.cli.runs import NOTEBOOK

Ran = subprocess.Popen[str]
Run = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs cells, as `mspass-stack run` does."""

    @contextmanager
    def running(*cells: str) -> Generator[Ran]:
        notebook = v4.new_notebook(cells=[v4.new_code_cell(text) for text in cells])
        (tmp_path / "one.ipynb").write_text(v4.writes(notebook))
        argv = [sys.executable, "-c", NOTEBOOK, str(tmp_path / "one.ipynb")]
        options: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        with subprocess.Popen(argv, cwd=tmp_path, start_new_session=True, **options) as ran:
            try:
                yield ran
            finally:
                ran.kill()

    return running


def _line(ran: Ran) -> str:
    assert ran.stdout
    return ran.stdout.readline()


def test_a_cell_is_heard_while_it_runs_and_nothing_else(run: Run, tmp_path: Path) -> None:
    go = tmp_path / "go"
    with run(
        f"import os, time\nprint('waits')\nfor _ in range(400): os.path.exists({str(go)!r}) or time.sleep(0.05)",
        "6 * 7",
    ) as ran:
        assert [_line(ran), _line(ran)] == ["[1/2] import os, time\n", "waits\n"]
        go.touch()
        assert ran.communicate(timeout=60)[0] == "[2/2] 6 * 7\n42\n"
        assert ran.returncode == 0


def test_an_interrupt_reaches_the_cell_and_ends_the_notebook_as_it_ends_a_program(run: Run, tmp_path: Path) -> None:
    cell = "import time\ntry:\n    print('waits')\n    time.sleep(20)\nfinally:\n    print('told to end')"
    with run(cell, "print('never')") as ran:
        while _line(ran) != "waits\n":
            assert ran.poll() is None
        os.killpg(ran.pid, signal.SIGINT)
        said = ran.communicate(timeout=60)[0]
    assert "told to end" in said
    assert said.endswith("one.ipynb: interrupted\n")
    assert ran.returncode == 130
    saved = json.loads((tmp_path / "one.ipynb").read_text())["cells"]
    first, second = json.dumps(saved[0]["outputs"]), saved[1]["outputs"]
    assert ("KeyboardInterrupt" in first, "told to end" in first, second) == (True, True, [])


def test_no_cell_is_begun_after_an_interrupt(run: Run) -> None:
    with run(
        "import time\nprint('waits')\ntry: time.sleep(20)\nexcept KeyboardInterrupt: pass", "print('never')"
    ) as ran:
        while _line(ran) != "waits\n":
            assert ran.poll() is None
        os.killpg(ran.pid, signal.SIGINT)
        said = ran.communicate(timeout=60)[0]
    assert ("never" in said, ran.returncode) == (False, 130)
