"""A laptop's ways to JupyterLab, whatever a site forbids; and on into the next job, on another node."""

import shlex
import subprocess
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
import pytest

from mspass_stack.polling import wait_until
from mspass_stack.verify.kernel import kernel
from tests.harness.connected import Connected, connected
from tests.harness.lab.command import LabError
from tests.harness.ports import free_ports
from tests.harness.project import Project
from tests.harness.slurm import SlurmCluster
from tests.harness.slurm.worlds import World
from tests.harness.slurm_stack import SlurmStack

CONFIG = {"database": None, "pool": None, "frontend": {"host": "node0"}}

CONNECT = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
"""Of another user."""


@pytest.fixture(scope="module")
def nodes() -> int:
    return 2


@pytest.fixture(scope="module")
def stack(project: Project, slurm: SlurmCluster) -> Iterator[SlurmStack]:
    """One node with JupyterLab, of two."""
    stack = SlurmStack(project, slurm, name="way", slurm={"nodes": 1, "cores": 1}, config=CONFIG)
    stack.up()
    yield stack
    stack.cancel()


@pytest.fixture
def world(request: pytest.FixtureRequest, stack: SlurmStack, slurm: SlurmCluster) -> Iterator[World]:
    slurm.enter(request.param)
    yield request.param
    slurm.enter(World.OPEN)


def _node_of_kernel(url: str) -> str:
    """Return where JupyterLab runs code, asked by its page, its API and the websocket of a kernel."""
    page = httpx.URL(url)
    token = page.params["token"]
    headers = {"Authorization": f"token {token}"}
    base = f"{page.scheme}://{page.netloc.decode()}"
    with httpx.Client(base_url=base, headers=headers, timeout=30, follow_redirects=True) as session:
        assert "JupyterLab" in session.get("/lab").text
        with kernel(session) as own:
            return own.run("import socket; print(socket.gethostname())").strip()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=10, follow_redirects=True).is_success
    except httpx.HTTPError:
        return False


def _next_job(stack: SlurmStack, slurm: SlurmCluster, ways: Connected) -> None:
    """Have the job end, and another one begin elsewhere."""
    node, job = stack.node("node0"), stack.job()
    slurm.as_user("login", "scancel", "--signal=USR1", "--batch", job)
    assert wait_until(lambda: f"job {job} ended: STOPPED at " in ways.output, 60, 0.5), ways.output
    slurm.drain(node)
    try:
        stack.up()
    finally:
        slurm.resume(node)
    assert stack.node("node0") != node


@pytest.mark.parametrize("world", [world for world in World if world != World.DIAL_OUT], indirect=True)
def test_jupyterlab_is_there_in_whatever_world_and_in_the_next_job(
    world: World, stack: SlurmStack, slurm: SlurmCluster
) -> None:
    with connected(stack) as ways:
        url = ways.url("Jupyter")
        assert _node_of_kernel(url) == stack.node("node0")
        _next_job(stack, slurm, ways)
        assert wait_until(lambda: _answers(url), 30, 0.5)
        assert _node_of_kernel(url) == stack.node("node0")
        assert wait_until(lambda: f"job {stack.job()} RUNNING on {stack.node('node0')} " in ways.output, 30, 0.5)


@contextmanager
def _opened(stack: SlurmStack, slurm: SlurmCluster, line: str) -> Generator[str]:
    """Open the way of a line for a laptop; JupyterLab's address by it."""
    ssh, *words = shlex.split(line, comments=True)
    here = free_ports(1)[0]
    # Its keys are in a file of their own, whose names are those of the cluster.
    words = [word.replace("8888:", f"{here}:", 1) if word.startswith("8888:") else word for word in words]
    url = stack.outputs()["jupyterUrl"]
    url = url.replace(urlsplit(url).netloc, f"127.0.0.1:{here}")
    with subprocess.Popen([ssh, "-F", str(slurm.ssh_config), *words]) as way:
        try:
            assert wait_until(lambda: _answers(url), 30, 0.5)
            yield url
        finally:
            way.terminate()


def _cut(slurm: SlurmCluster) -> None:
    """Kill what serves connections at the login host, so that it leaves what it has."""
    for pid in slurm.processes("login", "^sshd[^ ]*: alice"):
        slurm.execute("login", "kill", "-KILL", str(pid), check=False)


def _line(stack: SlurmStack, at: str) -> str:
    """Return the line of `status` when the way begins at what matches."""

    def shown() -> str:
        lines = stack.ask("status").stdout.splitlines()
        line = next(line for line in lines if line.startswith("Jupyter by login: "))
        return line.partition(": ")[2] if at in line else ""

    found = wait_until(shown, 60, 1)
    assert found, stack.ask("logs", "reverse-login").stdout
    return found


@pytest.mark.parametrize("world", [World.DIAL_OUT], indirect=True)
def test_where_nodes_alone_may_dial_out_the_job_leads_its_user_to_jupyter(
    world: World, stack: SlurmStack, slurm: SlurmCluster
) -> None:
    stack.cluster["slurm"]["access"] = {"reverse": ["login"]}
    stack.write()
    stack.up()
    line, (seen,) = stack.outputs()["access"], stack.outputs()["reverse"]
    with _opened(stack, slurm, line) as url:
        assert _node_of_kernel(url) == stack.node("node0")
    place, _, _ = seen["at"].rpartition("/")
    modes = slurm.execute("login", "stat", "--format=%F %a %U", seen["at"], place)
    assert modes.splitlines() == ["socket 600 alice", "directory 700 alice"]
    with pytest.raises(LabError, match="Permission denied"):
        slurm.as_user("login", "python3", "-c", CONNECT, seen["at"], user="bob")
    _cut(slurm)
    with _opened(stack, slurm, line) as url:
        assert _node_of_kernel(url) == stack.node("node0")
    assert _line(stack, seen["at"]) == line
    slurm.configure_sshd("sockets.conf", "AllowStreamLocalForwarding no\n")
    try:
        _cut(slurm)
        with _opened(stack, slurm, _line(stack, "its sshd takes no sockets")) as url:
            assert _node_of_kernel(url) == stack.node("node0")
    finally:
        slurm.configure_sshd("sockets.conf", "")
    _cut(slurm)
    assert _line(stack, seen["at"]) == line
    stack.destroy()
    assert not slurm.execute("login", "find", "/tmp", "-type", "s", "-name", "jupyter-*")
    for name in ("login", *slurm.names):
        assert not slurm.processes(name, "jupyter-way|reverse-login")
