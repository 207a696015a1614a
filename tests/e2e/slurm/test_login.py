"""A login host that asks for a password: its user types it once, by `mspass-stack login`, for all commands after it."""

import os
import stat
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from mspass_stack.errors import Unreachable
from mspass_stack.machines import mux
from mspass_stack.machines.master import Master
from mspass_stack.machines.ssh import SshMachine
from mspass_stack.polling import wait_until
from mspass_stack.spec.connection import ConnectionSpec
from tests.harness.connected import connected
from tests.harness.project import Project, is_unchanged
from tests.harness.slurm import SlurmCluster
from tests.harness.slurm.access import FILE
from tests.harness.slurm.hostile import Hostile
from tests.harness.slurm_stack import SlurmStack
from tests.harness.terminal import Typed

THREE = {
    "database": {"router": ["node0"], "shards": {"a": ["node1"], "b": ["node2"]}, "cache": "256MiB"},
    "pool": {"host": "node0", "workers": {"node[1-2]": {"processes": 1, "memory": "256MiB"}}},
    "frontend": {"host": "node0"},
}

LINE = "type: mspass-stack login -s strict"
FEW = "  MaxSessions 1"


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmCluster]:
    """Three nodes of which nothing but the login host's sshd is reached, whose shells talk."""
    cluster = SlurmCluster(tmp_path_factory.mktemp("slurm"), 3, hostile=[Hostile.BANNERS])
    try:
        cluster.up()
        cluster.firewall(shut=True)
        yield cluster
    finally:
        cluster.close()


@pytest.fixture(scope="module")
def stack(project: Project, slurm: SlurmCluster) -> Iterator[SlurmStack]:
    ssh = {"user": slurm.user, "port": slurm.strict_port, "key": str(slurm.key), "known_hosts": str(slurm.known_hosts)}
    login = {"address": slurm.login_address, "ssh": ssh}
    stack = SlurmStack(project, slurm, name="strict", slurm={"nodes": 3, "cores": 1, "login": login}, config=THREE)
    yield stack
    stack.ask("login", "--close")
    stack.cancel()


@pytest.fixture
def connection(slurm: SlurmCluster) -> ConnectionSpec:
    """How the stack reaches the login host."""
    return ConnectionSpec(
        host="login",
        address=slurm.login_address,
        user=slurm.user,
        port=slurm.strict_port,
        key=str(slurm.key),
        known_hosts=str(slurm.known_hosts),
        enter="mspass-stack login -s strict",
    )


def _log_in(stack: SlurmStack, *passwords: str) -> Typed:
    """Type `mspass-stack login`, and a password, alice's, each time that one is asked for."""
    words = [sys.executable, "-m", "mspass_stack", "login", "-s", stack.name]
    answers = [("password:", password) for password in passwords or (SlurmCluster.password,)]
    return Typed(words, answers, stack.project.path, stack.project.environment)


def _entries(slurm: SlurmCluster) -> int:
    """How often somebody has logged in to the login host by ssh, ever since it is on."""
    return slurm.execute("login", "cat", "/var/log/sshd.log").count("Accepted ")


def test_a_command_without_a_login_ends_with_the_line_to_type(stack: SlurmStack, slurm: SlurmCluster) -> None:
    ran = stack.pulumi("preview")
    assert ran.returncode != 0, ran.stdout
    assert "it asks for a password or a token" in ran.stdout
    assert LINE in ran.stdout
    refused = stack.refused_up()
    assert LINE in refused
    assert not stack.jobs()
    assert not slurm.as_user("login", "ls", "-A", "/scratch").split()
    assert _entries(slurm) == 0


def test_a_wrong_password_opens_nothing(stack: SlurmStack, connection: ConnectionSpec) -> None:
    typed = _log_in(stack, "not alice's", "nor this", "nor that")
    assert typed.status == 2, typed.output
    assert "ssh has not logged in" in typed.output
    assert not Master(connection).stands()


def test_the_password_is_typed_once_and_the_second_login_says_that_it_stands(
    stack: SlurmStack, slurm: SlurmCluster
) -> None:
    typed = _log_in(stack)
    assert typed.status == 0, typed.output
    assert "logged in" in typed.output
    again = stack.ask("login")
    assert (again.returncode, "the login stands" in again.stdout) == (0, True), again.stdout
    assert _entries(slurm) == 1


def test_nobody_but_its_user_reaches_the_socket(stack: SlurmStack, connection: ConnectionSpec) -> None:
    path = Master(connection).path
    directory, socket = path.parent.stat(), path.stat()
    assert (stat.S_IMODE(directory.st_mode), directory.st_uid) == (0o700, os.getuid())
    assert (stat.S_IMODE(socket.st_mode), socket.st_uid) == (0o600, os.getuid())
    assert not path.is_relative_to(stack.project.path)


def test_files_commands_and_ports_go_through_it(connection: ConnectionSpec, slurm: SlurmCluster) -> None:
    machine = SshMachine(connection)
    odd = """it's "odd" $HOME *;#\\ \n"""
    ran = machine.run(["sh", "-c", 'printf %s "$1"; cat; echo bad >&2; exit 3', "sh", odd], "from here")
    assert (ran.status, ran.stdout.endswith(f"{odd}from here"), ran.stderr) == (3, True, "bad\n")
    machine.make_directory("/home/alice/a/b", 0o700)
    machine.write("/home/alice/a/b/secret", "sécret")
    assert (machine.read("/home/alice/a/b/secret"), machine.mode("/home/alice/a/b/secret")) == ("sécret", 0o600)
    with pytest.raises(FileNotFoundError):
        machine.read("/home/alice/a/none")
    channel = machine.connect("127.0.0.1", 22)
    assert channel.recv(64).startswith(b"SSH-2.0")
    channel.close()
    with pytest.raises(ConnectionRefusedError):
        machine.connect("127.0.0.1", 9)
    assert _entries(slurm) == 1


def test_more_at_once_than_a_connection_has_sessions_wait_for_each_other(connection: ConnectionSpec) -> None:
    with ThreadPoolExecutor(40) as pool:
        # Two processes that know nothing of each other.
        machines = [SshMachine(connection), SshMachine(connection)] * 10
        short = [pool.submit(machine.run, ["sleep", "0.3"]) for machine in machines]
        streams = [pool.submit(machine.dial, ["sh", "-c", "echo here; cat"]) for machine in machines]
        assert all(one.result().status == 0 for one in short)
        for one in streams:
            assert one.result().recv(5) == b"here\n"
        for one in streams:
            one.result().close()


def test_preview_up_refresh_and_all_that_looks_need_no_other_entry(stack: SlurmStack, slurm: SlurmCluster) -> None:
    ran = stack.pulumi("preview")
    assert ran.returncode == 0, ran.stdout
    stack.up()
    job = stack.job()
    stack.expect_unchanged()
    ran = stack.pulumi("refresh", "--yes", "--skip-preview", "--suppress-outputs")
    assert (ran.returncode, is_unchanged(ran.stdout)) == (0, True), ran.stdout
    shown = stack.ask("status")
    assert (shown.returncode, f"job {job} RUNNING" in shown.stdout) == (0, True), shown.stdout
    assert stack.job() == job
    assert _entries(slurm) == 1


def test_every_role_does_its_job(stack: SlurmStack, slurm: SlurmCluster, tmp_path: Path) -> None:
    ran = stack.verify()
    assert ran.returncode == 0, ran.stdout
    with connected(stack) as ways:
        assert httpx.get(ways.url("Jupyter"), timeout=30, follow_redirects=True).is_success
    script = tmp_path / "work.py"
    script.write_text("print('ran')\n")
    ran = stack.ask("run", str(script))
    assert (ran.returncode, ran.stdout.splitlines()[-1]) == (0, "ran"), ran.stdout
    assert _entries(slurm) == 1


def test_what_has_used_a_login_that_broke_says_what_to_type(connection: ConnectionSpec) -> None:
    machine = SshMachine(connection)
    machine.run(["true"])
    machine.exists("/")
    path = str(Master(connection).path)
    (master,) = [one for one in psutil.process_iter(["cmdline"]) if path in " ".join(one.info["cmdline"] or ())]
    master.kill()
    assert wait_until(lambda: not mux.alive(Path(path)), 10)
    for use in (lambda: machine.run(["true"]), lambda: machine.exists("/"), lambda: machine.dial(["true"])):
        with pytest.raises(Unreachable, match=f"the login has ended: {LINE}"):
            use()


def test_without_it_every_command_ends_before_it_touches_anything(stack: SlurmStack, slurm: SlurmCluster) -> None:
    job, state = stack.job(), stack.resources()
    for words in (("preview",), ("up", "--yes", "--skip-preview"), ("refresh", "--yes"), ("destroy", "--yes")):
        ran = stack.pulumi(*words)
        assert ran.returncode != 0, ran.stdout
        assert LINE in ran.stdout, ran.stdout
    shown = stack.ask("status")
    assert (shown.returncode, LINE in shown.stdout) == (1, True), shown.stdout
    assert stack.job() == job
    assert [one["id"] for one in stack.resources() if "id" in one] == [one["id"] for one in state if "id" in one]
    assert _entries(slurm) == 1


def test_where_a_connection_has_one_session_the_way_is_the_login_host(stack: SlurmStack, slurm: SlurmCluster) -> None:
    before = slurm.execute("login", "cat", f"/etc/ssh/sshd_config.d/{FILE}")
    slurm.configure_sshd(FILE, before + f"{FEW}\n")
    try:
        typed = _log_in(stack)
    finally:
        slurm.configure_sshd(FILE, before)
    assert typed.status == 2, typed.output
    assert "run Pulumi on the login host itself" in " ".join(typed.output.split())
    assert stack.pulumi("preview").returncode != 0


def test_the_next_entry_destroys_it_and_is_closed(
    stack: SlurmStack, slurm: SlurmCluster, connection: ConnectionSpec
) -> None:
    before = _entries(slurm)
    typed = _log_in(stack)
    assert typed.status == 0, typed.output
    stack.destroy()
    assert not stack.jobs()
    assert _entries(slurm) == before + 1
    for word in ("the login is ended", "nobody is logged in"):
        ended = stack.ask("login", "--close")
        assert (ended.returncode, word in ended.stdout) == (0, True), ended.stdout
        assert not Master(connection).path.exists()
