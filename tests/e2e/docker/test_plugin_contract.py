"""What we build on in Pulumi's Docker plugin, by a program of its own; holds for official one and double."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.docker.client import docker
from tests.harness import image
from tests.harness.engine import TestEngine
from tests.harness.project import PULUMI, Project

PROGRAM = """\
import json, pathlib, pulumi, pulumi_docker as docker
spec = json.loads(pathlib.Path("container.json").read_text())
if "secret" in spec:
    spec["envs"] = [pulumi.Output.secret(spec.pop("secret"))]
container = docker.Container("one", **spec, opts=pulumi.ResourceOptions(
    provider=docker.Provider("here", host=HOST),
    delete_before_replace=True, replace_on_changes=["healthcheck", "mounts", "#initerror"]))
pulumi.export("id", container.id)
"""

NAME = "mspass-contract"


class Program:
    """A Pulumi program with one container."""

    def __init__(self, project: Project, engine: TestEngine, directory: Path) -> None:
        self._project, self.directory = project, directory
        self.spec: dict[str, Any] = {
            "name": NAME,
            "image": image.name(),
            "command": ["sleep", "600"],
            "envs": ["A=1", "B=2"],
            "restart": "no",
            "memory": 64,
            "memory_swap": 64,
            "destroy_grace_seconds": 1,
            "healthcheck": {"tests": ["CMD", "true"], "interval": "10s"},
        }
        (directory / "Pulumi.yaml").write_text("name: contract\nruntime: python\noptions:\n  refresh: always\n")
        (directory / "__main__.py").write_text(f"HOST = {engine.address!r}\n{PROGRAM}")
        self.pulumi("stack", "init", "contract")

    def pulumi(self, *words: str, fails: bool = False) -> str:
        ran = self._project.command(PULUMI, "--non-interactive", *words, cwd=self.directory)
        assert (ran.returncode != 0) == fails, ran.stdout
        return ran.stdout

    def up(self, fails: bool = False, **changes: Any) -> str:
        """`pulumi up` with a changed container; the container's id."""
        self.spec |= changes
        (self.directory / "container.json").write_text(json.dumps(self.spec))
        self.pulumi("up", "--yes", "--skip-preview", fails=fails)
        return "" if fails else self.pulumi("stack", "output", "id").strip()

    def expect_nothing_to_do(self) -> None:
        self.pulumi("preview", "--expect-no-changes")

    def state(self) -> dict[str, Any]:
        """The container in the state."""
        resources = json.loads(self.pulumi("stack", "export"))["deployment"]["resources"]
        return next(one for one in resources if one["type"] == "docker:index/container:Container")


@pytest.fixture
def program(project: Project, engine: TestEngine) -> Iterator[Program]:
    directory = project.path / "contract"
    directory.mkdir()
    program = Program(project, engine, directory)
    yield program
    program.pulumi("destroy", "--yes", "--skip-preview")
    program.pulumi("stack", "rm", "--yes")
    shutil.rmtree(directory)
    assert NAME not in docker("ps", "--all", "--format", "{{.Names}}").split()


def _inspected() -> dict[str, Any]:
    return json.loads(docker("inspect", NAME))[0]


def test_nothing_changes_without_a_change(program: Program) -> None:
    program.up()
    program.expect_nothing_to_do()


def test_a_changed_environment_replaces_and_a_changed_limit_does_not(program: Program) -> None:
    first = program.up()
    assert program.up(memory=96, memory_swap=96, restart="unless-stopped") == first
    host = _inspected()["HostConfig"]
    assert (host["Memory"] // 1024**2, host["RestartPolicy"]["Name"]) == (96, "unless-stopped")
    program.expect_nothing_to_do()
    assert program.up(envs=["A=1", "B=3"]) != first
    assert "B=3" in _inspected()["Config"]["Env"]
    program.expect_nothing_to_do()


def test_a_changed_health_check_replaces_because_we_ask_for_it(program: Program) -> None:
    first = program.up()
    assert program.up(healthcheck={"tests": ["CMD", "false"], "interval": "10s"}) != first
    assert _inspected()["Config"]["Healthcheck"]["Test"] == ["CMD", "false"]


def test_a_stopped_container_is_started_and_a_removed_one_made_anew(program: Program) -> None:
    first = program.up()
    docker("stop", "--time", "1", NAME)
    assert program.up() == first
    assert _inspected()["State"]["Running"]
    docker("rm", "-f", NAME)
    assert program.up() != first
    assert _inspected()["State"]["Running"]


def test_a_bind_whose_source_is_missing_is_an_error_and_is_not_made(program: Program, tmp_path: Path) -> None:
    missing = tmp_path / "disk" / "data"
    mounts = [{"type": "bind", "source": str(missing), "target": "/data"}]
    program.up(fails=True, mounts=mounts)
    assert not missing.exists()
    missing.mkdir(parents=True)
    program.up()
    program.expect_nothing_to_do()


def test_a_container_that_does_not_start_is_in_the_state_and_replaced(program: Program) -> None:
    program.up(fails=True, entrypoints=["no-such-program"])
    assert program.state()["id"] == _inspected()["Id"]
    violations = _inspected()["Id"]
    assert program.up(entrypoints=["sleep"], command=["600"]) != violations


def test_a_destroyed_container_gets_its_grace(program: Program, tmp_path: Path) -> None:
    output = tmp_path / "said"
    output.touch()
    script = f"trap 'echo in order > {output}; exit 0' TERM; sleep 600 & wait"
    mounts = [{"type": "bind", "source": str(output), "target": str(output)}]
    program.up(command=["sh", "-c", script], mounts=mounts, destroy_grace_seconds=20)
    program.pulumi("destroy", "--yes", "--skip-preview")
    assert output.read_text() == "in order\n"


def test_a_secret_is_encrypted_in_the_state(program: Program) -> None:
    program.up(secret="A=very secret")
    assert "A=very secret" in _inspected()["Config"]["Env"]
    assert "very secret" not in json.dumps(program.state())
