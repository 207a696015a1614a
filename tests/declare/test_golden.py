"""What is executed of each role under each runtime, word by word: a change of it restarts that role on every stack.

To write the files anew: `GOLDEN=write pytest tests/declare/test_golden.py`, and name the roles in CHANGELOG.md.
"""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from mocked_engine import Declared, Run, opened
from own_program import PROJECT, Deploy

from mspass_stack.agent import settings
from mspass_stack.machines.base import Machine
from mspass_stack.managers.supervisord import Supervisord
from mspass_stack.spec.process import SlurmProcess, SupervisedContainer, SupervisedProcess, parse_process

GOLDEN = Path(__file__).parent / "golden"
PATHS = {"datadir": "/srv/mspass/stack", "workdir": "/srv/mspass/work", "python": "/env/bin/python"}

SHARDED = {"router": ["desktop"], "shards": {"a": ["desktop"], "b": ["desktop"]}, "cache": "256MiB"}

CONNECTED = {
    "scheduler": "spark",
    "host": "head",
    "workers": {"node1": {"processes": 2, "memory": "2GiB"}},
    "spark": {"connector": True},
}

STAGE = {"in": [{"from": "/nfs/waveforms"}], "out": [{"from": "/tmp/results", "to": "/nfs/results"}]}

TARGETS: dict[str, tuple[str, dict[str, Any]]] = {
    "native-desktop": ("desktop", {"runtime": "native"}),
    "native-spark-desktop": ("desktop-spark", {}),
    "native-sharded-desktop": ("desktop", {"runtime": "native", "database": SHARDED}),
    "docker-desktop": ("desktop", {"runtime": "docker"}),
    "native-lab": ("lab-cluster", {"runtime": "native", "python": "/opt/env/bin/python"}),
    "native-spark-lab": ("lab-cluster", {"runtime": "native", "python": "/opt/env/bin/python", "pool": CONNECTED}),
    "docker-lab": ("lab-cluster", {}),
    "apptainer-lab": ("lab-cluster", {"runtime": "apptainer", "image": "/apps/mspass.sif"}),
    "apptainer-slurm": ("hpc-sharded", {"image": "/apps/mspass.sif"}),
    "staged-apptainer-slurm": ("hpc-sharded", {"image": "/apps/mspass.sif", "stage": STAGE}),
}
"""By runtime and site: the stack file, and what is said differently."""


class Anywhere:
    """A machine where every program is in /usr/bin, but for those that are named by a path."""

    remote = True

    @property
    def agent(self) -> "Anywhere":
        return self

    def call(self, call: str, name: str, **_: object) -> str:
        assert call == "find"
        return name if "/" in name else f"/usr/bin/{name}"


def _declared(target: str, deploy: Deploy) -> Run:
    file, changes = TARGETS[target]
    config = yaml.safe_load((PROJECT / "stacks" / f"Pulumi.{file}.yaml").read_text())["config"]
    config["mspass:cluster"] |= {**PATHS, **changes}
    result = deploy(config, "golden")
    assert not result.error
    return result


def _native(inputs: dict[str, Any]) -> str:
    """Return the launcher and supervisord's file; of a process in a container, its words."""
    spec = parse_process(inputs["process"])
    if isinstance(spec, SlurmProcess | SupervisedContainer):
        return "\n".join([*spec.wrapper, *spec.argv, ""])
    assert isinstance(spec, SupervisedProcess)
    supervisord = Supervisord(cast(Machine, Anywhere()), spec.stack_dir, inputs["stackId"])
    launcher = supervisord.launcher(spec, inputs["stack"], inputs["digest"])
    values = {"order": spec.order, "signal": spec.stop_signal, "grace": spec.stop_grace}
    program = settings.PROGRAM.format(name=spec.name, run="RUN", log="LOG", **values)
    # The order of stopping restarts nobody.
    return launcher + re.sub(r"priority=.*\n", "", program)


def _container(container: Declared) -> str:
    return json.dumps(container.inputs, indent=2, sort_keys=True) + "\n"


def _files(run: Run) -> dict[str, str]:
    """Return the secret files of each host and of the user, with names in place of what is secret."""
    here = f"{Path.cwd()}/"
    written: dict[str, str] = {}
    for name, found in {**run.of("HostFiles"), **run.of("ClientProfile")}.items():
        lines = [f"{path}: {text!r}\n" for path, text in sorted(opened(found.inputs["files"]).items())]
        written[name] = "".join(lines).replace(here, "")
    return written


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_executed_is_what_it_was(target: str, deploy: Deploy, monkeypatch: pytest.MonkeyPatch) -> None:
    # Jars need not be there where nothing is started.
    monkeypatch.setattr("mspass_stack.program.bytes_of", str)
    run = _declared(target, deploy)
    now = {name: _native(inputs) for name, inputs in run.programs.items()}
    now |= {name: _container(container) for name, container in run.of("Container").items()}
    now |= _files(run)
    directory = GOLDEN / target
    if os.environ.get("GOLDEN") == "write":
        directory.mkdir(parents=True, exist_ok=True)
        for path in directory.iterdir():
            path.unlink()
        for name, text in now.items():
            (directory / name).write_text(text)
    assert now == {path.name: path.read_text() for path in directory.iterdir()}


def test_a_commit_that_changes_what_a_role_executes_names_the_role_in_the_changelog() -> None:
    """By the history: whoever upgrades reads there which of their processes are restarted."""
    commits = _git("log", "--format=%H", "--diff-filter=M", "--", str(GOLDEN)).split()
    for commit in commits:
        changed = _git("show", "--format=", "--name-only", "--diff-filter=M", commit, "--", str(GOLDEN)).split()
        changelog = _git("show", "--format=", commit, "--", "CHANGELOG.md")
        added = "".join(line for line in changelog.splitlines(keepends=True) if line.startswith("+"))
        for role in {Path(path).name.partition("@")[0].partition("-")[0] for path in changed}:
            assert role in added, f"{commit} changes {role}"


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=PROJECT, check=True, capture_output=True, text=True).stdout
