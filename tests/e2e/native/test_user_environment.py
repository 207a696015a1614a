"""What the user has in their own environment does not open, stop or bend a cluster; and stays theirs in notebooks."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from mspass_stack.verify.kernel import kernel
from tests.e2e.clients import dask
from tests.harness.project import Project, Stack

JUPYTER = "c.ServerApp.token = ''\nc.ServerApp.password = ''\nc.ServerApp.base_url = '/x/'\n"
"""A config by which somebody once switched off what was in their way."""


@pytest.fixture(scope="module")
def stack(project: Project) -> Iterator[Stack]:
    """A desktop brought up by a user with settings of their own."""
    home, shadow = project.path / "home", project.path / "shadow"
    config = home / ".jupyter"
    config.mkdir(parents=True)
    for name in ("jupyter_lab_config.py", "jupyter_server_config.py"):
        (config / name).write_text(JUPYTER)
    kernels = home / ".local/share/jupyter/kernels/python3"
    kernels.mkdir(parents=True)
    argv = ["/usr/bin/false", "{connection_file}"]
    (kernels / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "another", "language": "python"}))
    shadow.mkdir()
    for name in ("supervisor", "grpc"):  # which our tools import, and no daemon
        (shadow / f"{name}.py").write_text("raise SystemExit('a module of the user')\n")
    (project.path / "work").mkdir(exist_ok=True)
    for name in ("signal", "select"):
        (project.path / "work" / f"{name}.py").write_text("raise SystemExit('my filters')\n")
    (project.path / "work" / "my_filters.py").write_text("ANSWER = 42\n")
    project.environment |= {
        "HOME": str(home),
        "PULUMI_HOME": str(Path.home() / ".pulumi"),
        "PYTHONPATH": str(shadow),
        "http_proxy": "http://127.0.0.1:9",
        "https_proxy": "http://127.0.0.1:9",
        "no_proxy": "example.org",
        "JUPYTER_TOKEN": "known to all",
    }
    stack = Stack(project)
    stack.up()
    yield stack
    stack.destroy()


@pytest.fixture
def jupyter(stack: Stack) -> Iterator[httpx.Client]:
    parts = urlsplit(str(stack.outputs()["jupyterUrl"]))
    (token,) = parse_qs(parts.query)["token"]
    headers = {"Authorization": f"token {token}"}
    with httpx.Client(base_url=f"http://{parts.netloc}", headers=headers, trust_env=False, timeout=60) as session:
        yield session


def test_jupyter_stays_closed_whatever_the_users_own_config_says(jupyter: httpx.Client) -> None:
    for headers in ({"Authorization": ""}, {"Authorization": "token known to all"}):
        assert jupyter.get("/api/contents", headers=headers).status_code == 403
    assert jupyter.get("/api/contents").is_success


def test_a_kernel_is_the_clusters_python_and_finds_the_users_modules(stack: Stack, jupyter: httpx.Client) -> None:
    with kernel(jupyter) as started:
        printed = started.run(
            "import sys, os, my_filters; print(sys.executable, my_filters.ANSWER, os.environ['no_proxy'])"
        )
    python, answer, no_proxy = printed.split()
    assert (Path(python).parent, answer) == (Path(sys.executable).parent, "42")
    assert no_proxy.split(",")[0] == "example.org", "what it said already is kept"
    assert {"127.0.0.1", "localhost"} <= set(no_proxy.split(","))


def test_a_task_finds_the_users_modules_and_the_daemons_their_own(stack: Stack) -> None:
    with dask(stack) as client:
        assert client.submit(_answer).result(timeout=30) == 42


def _answer() -> int:
    import importlib

    return int(importlib.import_module("my_filters").ANSWER)


def test_a_killed_daemon_comes_up_beside_the_users_modules(stack: Stack) -> None:
    before = stack.runs()
    pid = int(before["worker-desktop"].split("-")[0])
    subprocess.run(["kill", "-KILL", str(pid)], check=True)
    stack.up()
    assert stack.runs()["worker-desktop"] != before["worker-desktop"]


def test_every_command_speaks_past_a_proxy_of_the_environment(stack: Stack) -> None:
    for words in (("preview",), ("stack", "output")):
        assert stack.pulumi(*words).returncode == 0
    status = stack.project.command("make", "status")
    assert status.returncode == 0, status.stdout
