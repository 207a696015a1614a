"""What is executed of each role under each runtime, word by word: a change of it restarts that role on every stack.

To write the files anew: `GOLDEN=write pytest tests/declare/test_golden.py`, and name the roles in CHANGELOG.md.
"""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from mocked_engine import Declared, Run, opened
from own_program import PROJECT, Deploy

from mspass_stack.provider import executables, processes, supervisor
from mspass_stack.rendered import RenderedProcess

GOLDEN = Path(__file__).parent / "golden"
PATHS = {"datadir": "/srv/mspass/stack", "workdir": "/srv/mspass/work", "python": "/env/bin/python"}

TARGETS: dict[str, tuple[str, dict[str, Any]]] = {
    "native-desktop": ("desktop", {"runtime": "native"}),
    "docker-desktop": ("desktop", {"runtime": "docker"}),
    "docker-lab": ("lab-cluster", {}),
}
"""By runtime and site: the stack file, and what is said differently."""


def _declared(target: str, deploy: Deploy) -> Run:
    file, changes = TARGETS[target]
    config = yaml.safe_load((PROJECT / "stacks" / f"Pulumi.{file}.yaml").read_text())["config"]
    config["mspass:cluster"] |= {**PATHS, **changes}
    result = deploy(config, "golden")
    assert not result.error
    return result


def _native(process: Declared) -> str:
    """The launcher and supervisord's file."""
    rendered = RenderedProcess.model_validate(process.inputs["process"])
    launcher = processes._launcher(rendered, process.inputs, "DIGEST")  # pyright: ignore[reportPrivateUsage]
    values = {"order": rendered.order, "signal": rendered.stop_signal, "grace": rendered.stop_grace}
    program = supervisor.PROGRAM.format(name=rendered.name, run="RUN", log="LOG", **values)
    # The order of stopping restarts nobody.
    return launcher + re.sub(r"priority=.*\n", "", program)


def _container(container: Declared) -> str:
    return json.dumps(container.inputs, indent=2, sort_keys=True) + "\n"


def _files(run: Run) -> dict[str, str]:
    """The secret files of each host, with names in place of what is secret."""
    written: dict[str, str] = {}
    for name, found in run.of("HostFiles").items():
        home = f"{Path.cwd()}/"
        lines = [f"{path}: {text!r}" for path, text in sorted(opened(found.inputs["files"]).items())]
        written[name] = "".join(f"{line}\n".replace(home, "") for line in lines)
    return written


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_executed_is_what_it_was(target: str, deploy: Deploy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executables, "find", lambda name: name if "/" in name else f"/usr/bin/{name}")  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    run = _declared(target, deploy)
    now = {name: _native(process) for name, process in run.of("HostProcess").items()}
    now |= {name: _container(container) for name, container in run.of("Container").items()}
    now |= _files(run)
    folder = GOLDEN / target
    if os.environ.get("GOLDEN") == "write":
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.iterdir():
            path.unlink()
        for name, text in now.items():
            (folder / name).write_text(text)
    assert now == {path.name: path.read_text() for path in folder.iterdir()}


def test_a_commit_that_changes_what_a_role_executes_names_the_role_in_the_changelog() -> None:
    """By the history: whoever upgrades reads there which of their processes are restarted."""
    commits = _git("log", "--format=%H", "--diff-filter=M", "--", str(GOLDEN)).split()
    for commit in commits:
        changed = _git("show", "--format=", "--name-only", "--diff-filter=M", commit, "--", str(GOLDEN)).split()
        said = _git("show", "--format=", commit, "--", "CHANGELOG.md")
        added = "".join(line for line in said.splitlines(keepends=True) if line.startswith("+"))
        for role in {Path(path).name.partition("@")[0].partition("-")[0] for path in changed}:
            assert role in added, f"{commit} changes {role}"


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=PROJECT, check=True, capture_output=True, text=True).stdout
