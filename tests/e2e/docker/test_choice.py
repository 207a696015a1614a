"""Which runtime `make desktop` takes: settled once, said in a line, never switched under a stack that is up."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.harness import image
from tests.harness.project import Project, Stack

PLUGIN_AWAY = {"MSPASS_TEST_DOUBLES": "", "HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
"""No double, and no way to a plugin but by a proxy that is not there."""


@pytest.fixture
def stack(project: Project) -> Iterator[Stack]:
    stack = Stack(project, config={"image": image.name()})
    yield stack
    stack.destroy()
    stack.pulumi("stack", "rm", "--yes", "--preserve-config")


def _make(stack: Stack, *words: str, **environment: str) -> tuple[int, str]:
    """`make desktop` without its bootstrap, which would work on this project's own environment."""
    bootstrap = stack.project.path / "scripts" / "bootstrap"
    bootstrap.write_text("#!/bin/sh\n")
    ran = stack.project.command("make", "desktop", *words, env=stack.project.environment | environment)
    return ran.returncode, ran.stdout


def _written(stack: Stack) -> str | None:
    return yaml.safe_load(stack.file.read_text())["config"]["mspass:cluster"].get("runtime")


def test_a_new_desktop_takes_docker_where_it_can_be_had_and_keeps_it(stack: Stack) -> None:
    status, output = _make(stack)
    assert status == 0, output
    assert "runtime: docker, as stacks/Pulumi.desktop.yaml says from now on" in output
    assert "MsPASS is running" in output
    assert _written(stack) == "docker"
    away = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}
    status, output = _make(stack, **away)
    assert status != 0, "no silent flip to native"
    assert "no Docker engine answers" in output
    status, output = _make(stack, "RUNTIME=native")
    assert status != 0
    assert "stack 'desktop' is up with runtime docker: first 'pulumi destroy -s desktop'" in output
    assert _written(stack) == "docker"
    stack.destroy()
    status, output = _make(stack, "RUNTIME=native")
    assert status == 0, output
    assert _written(stack) == "native"


def test_without_an_engine_it_takes_native_processes_and_says_why(stack: Stack) -> None:
    status, output = _make(stack, DOCKER_HOST="unix:///nowhere/docker.sock")
    assert status == 0, output
    assert "runtime: native (no Docker engine answers at unix:///nowhere/docker.sock" in output
    assert _written(stack) == "native"


def test_without_the_plugin_docker_is_refused_with_the_line_to_type(stack: Stack, tmp_path: Path) -> None:
    path = ":".join(part for part in stack.project.environment["PATH"].split(":") if Path(part).name != "docker_plugin")
    away = PLUGIN_AWAY | {"PATH": path, "PULUMI_HOME": str(tmp_path)}
    status, output = _make(stack, "RUNTIME=docker", **away)
    assert status != 0
    assert "Pulumi's Docker plugin is not installed and cannot be fetched" in output
    assert "pulumi plugin install resource docker 5.2.0" in output
    assert _written(stack) is None
