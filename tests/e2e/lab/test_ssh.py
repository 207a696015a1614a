"""A machine behind SSH: connections, files, ways to its ports, host keys; by the transport alone."""

import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from mspass_stack.errors import Unreachable
from mspass_stack.machines import connection, machine, openssh
from mspass_stack.machines.base import Machine
from mspass_stack.machines.local import LocalMachine
from mspass_stack.machines.ssh import SshMachine
from mspass_stack.managers.docker_engine import DockerEngine
from mspass_stack.polling import wait_until
from mspass_stack.spec.connection import ConnectionSpec
from tests.harness.lab import Lab

TOGETHER = 20


@pytest.fixture(scope="module")
def native() -> tuple[str, ...]:
    """All hosts have Docker here."""
    return ()


def _connection(lab: Lab, name: str, **changes: object) -> ConnectionSpec:
    known = ConnectionSpec(
        host=name, address=lab.address(name), user=lab.user, key=str(lab.key), known_hosts=str(lab.known_hosts)
    )
    return known.model_copy(update=changes)


@pytest.fixture
def uncut(lab: Lab) -> Iterator[Lab]:
    yield lab
    lab.heal()


def test_twenty_connections_at_once_to_one_sshd_are_all_taken(lab: Lab) -> None:
    """It has its usual MaxStartups, which drops by chance what comes while ten are being opened."""
    machines = [SshMachine(_connection(lab, "lab1")) for _ in range(TOGETHER)]
    with ThreadPoolExecutor(TOGETHER) as pool:
        output = [pool.submit(machine.run, ["hostname"]) for machine in machines]
    assert [one.result().stdout for one in output] == ["lab1\n"] * TOGETHER


def test_whatever_is_done_on_a_host_at_once_shares_one_connection(lab: Lab) -> None:
    machine = SshMachine(_connection(lab, "lab2"))
    with ThreadPoolExecutor(TOGETHER) as pool:
        commands = [pool.submit(machine.run, ["sleep", "0.3"]) for _ in range(TOGETHER)]
        looks = [pool.submit(machine.exists, "/etc") for _ in range(TOGETHER)]
    assert all(one.result() for one in (*commands, *looks))
    here = lab.execute("lab2", "ss", "-Htn", "state", "established", "sport = :22").splitlines()
    assert len(here) == 1


def test_words_and_input_arrive_as_they_are(lab: Lab) -> None:
    odd = """it's "odd" $HOME *;#\\ \n"""
    ran = SshMachine(_connection(lab, "lab1")).run(
        ["sh", "-c", 'printf %s "$1"; cat; echo bad >&2; exit 3', "sh", odd], "from here"
    )
    assert (ran.status, ran.stdout, ran.stderr) == (3, f"{odd}from here", "bad\n")


@pytest.mark.parametrize("where", ["here", "there"])
def test_files_are_handled_the_same_here_and_there(lab: Lab, tmp_path: Path, where: str) -> None:
    machine: Machine = LocalMachine() if where == "here" else SshMachine(_connection(lab, "lab3"))
    directory = f"{tmp_path}/a/b" if where == "here" else "/srv/mspass/a/b"
    machine.make_directory(directory, 0o700)
    machine.make_directory(directory, 0o700)
    assert machine.is_directory(directory)
    assert machine.mode(directory) == 0o700
    assert machine.is_empty(directory)
    path = f"{directory}/secret"
    for text in ("first", "sécond"):
        machine.write(path, text)
        assert machine.read(path) == text
        assert machine.mode(path) == 0o600
    assert not machine.exists(f"{path}.partial")
    assert not machine.is_empty(directory)
    machine.remove(path)
    machine.remove(path)
    assert not machine.exists(path)
    with pytest.raises(FileNotFoundError):
        machine.read(path)
    machine.remove_directory(directory)
    assert not machine.is_directory(directory)


def test_a_port_that_is_seen_from_there_alone_is_reached_through_ssh(uncut: Lab) -> None:
    lab = uncut
    lab.execute("lab4", "/usr/sbin/sshd", "-p", "2222", "-o", "ListenAddress=127.0.0.1:2222")
    address, port = SshMachine(_connection(lab, "lab4")).endpoint("127.0.0.1", 2222)
    assert _banner(address, port).startswith("SSH-2.0")
    assert SshMachine(_connection(lab, "lab4")).endpoint(lab.address("lab4"), 22) == (lab.address("lab4"), 22), (
        "the direct way is taken"
    )
    lab.execute("lab4", "pkill", "-f", "sshd -p 2222")


def test_a_port_that_a_firewall_refuses_is_reached_through_ssh(uncut: Lab) -> None:
    lab = uncut
    lab.execute("lab4", "/usr/sbin/sshd", "-p", "2222")
    refuse = ("INPUT", "-i", "eth0", "-p", "tcp", "--dport", "2222", "-j", "REJECT", "--reject-with", "tcp-reset")
    lab.execute("lab4", "iptables", "-A", *refuse)
    with pytest.raises(ConnectionRefusedError):
        _banner(lab.address("lab4"), 2222)
    address, port = SshMachine(_connection(lab, "lab4")).endpoint(lab.address("lab4"), 2222)
    assert _banner(address, port).startswith("SSH-2.0")
    lab.execute("lab4", "iptables", "-D", *refuse)
    lab.execute("lab4", "pkill", "-f", "sshd -p 2222")


def test_a_host_behind_a_jump_host_is_reached_by_both_kinds_of_ssh(uncut: Lab) -> None:
    uncut.cut("controller", "lab2")
    connection = _connection(uncut, "lab2", jump=f"{uncut.user}@{uncut.address('lab1')}")
    assert SshMachine(connection).run(["hostname"]).stdout == "lab2\n"
    assert (
        subprocess.run([*openssh.command(connection), "hostname"], capture_output=True, text=True, timeout=60).stdout
        == "lab2\n"
    )
    assert SshMachine(connection).endpoint(uncut.address("lab2"), 22)[0] == "127.0.0.1"
    with pytest.raises(
        Unreachable, match=r"host 'lab2' \(.*\) cannot be reached by ssh: (no answer within|No route to host)"
    ):
        SshMachine(_connection(uncut, "lab2")).run(["hostname"])


def test_what_the_users_own_ssh_config_says_is_heard(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".ssh").mkdir(mode=0o700)
    keys = (f"IdentityFile {tmp_path}/none", f"IdentityFile {lab.key}")
    own = ("Host *", f"User {lab.user}", *keys, f"UserKnownHostsFile {lab.known_hosts}")
    (tmp_path / ".ssh" / "config").write_text("\n".join(own))
    monkeypatch.setenv("HOME", str(tmp_path))
    ran = SshMachine(ConnectionSpec(host="lab1", address=lab.address("lab1"))).run(["id", "-un"])
    assert ran.stdout == f"{lab.user}\n"


def test_another_host_key_than_the_known_one_is_refused(lab: Lab, tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    lines = lab.known_hosts.read_text().splitlines()
    keys = {line.split()[0].split(",")[1]: line.split(maxsplit=1)[1] for line in lines}
    known.write_text(f"{lab.address('lab1')} {keys['lab2']}\n")
    with pytest.raises(Unreachable, match=r"its host key \(ssh-ed25519\) is not the one in known_hosts.*ssh-keygen -R"):
        SshMachine(_connection(lab, "lab1", known_hosts=str(known))).run(["true"])


def test_a_key_that_is_not_let_in_is_reported_as_such(lab: Lab, tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    output = rf"host 'lab1' .* cannot be reached by ssh: .*[Aa]uthentication.*tried {lab.user}@{lab.address('lab1')}:22"
    with pytest.raises(Unreachable, match=output):
        SshMachine(_connection(lab, "lab1", key=str(key))).run(["true"])


@pytest.mark.parametrize("name", ["key", "known_hosts"])
def test_a_file_that_is_not_there_is_reported_with_its_path_in_the_config(lab: Lab, name: str) -> None:
    with pytest.raises(Unreachable, match=rf"mspass:cluster\.hosts\.lab1\.ssh\.{name}: /none: no such file"):
        SshMachine(_connection(lab, "lab1", **{name: "/none"})).run(["true"])


def test_the_engine_answers_many_at_once_while_commands_hold_all_their_sessions(lab: Lab) -> None:
    connection = _connection(lab, "lab4")
    with ThreadPoolExecutor(3 * TOGETHER) as pool:
        held = [pool.submit(machine(connection).run, ["sleep", "3"]) for _ in range(TOGETHER)]
        requested = [pool.submit(DockerEngine(connection).version) for _ in range(2 * TOGETHER)]
        assert len({one.result() for one in requested}) == 1
        assert all(one.result().status == 0 for one in held)


def test_a_connection_that_broke_is_opened_anew(lab: Lab) -> None:
    machine = SshMachine(_connection(lab, "lab5"))
    machine.run(["true"])
    lab.power_off("lab5")
    lab.power_on("lab5")
    assert machine.read("/etc/hostname") == "lab5\n"
    assert machine.run(["hostname"]).stdout == "lab5\n"


def test_a_port_for_the_user_is_there_again_after_the_connection_broke(lab: Lab) -> None:
    machine = SshMachine(_connection(lab, "lab4"))
    place = machine.forward("127.0.0.1", 22)
    assert _banner(*place).startswith("SSH-2.0")
    lab.execute("lab4", "pkill", "-KILL", "-u", lab.user, "sshd")
    with suppress(Unreachable):  # where it has not yet heard that it broke
        machine.look()
    machine.look()
    assert _banner(*place).startswith("SSH-2.0")


def test_a_host_that_is_silent_is_told_by_a_look(uncut: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "SILENCE_TIMEOUT", 2000)
    machine = SshMachine(_connection(uncut, "lab5"))
    machine.look()
    uncut.cut("controller", "lab5")
    with pytest.raises(Unreachable, match="host 'lab5'"):
        machine.look()
    uncut.heal()
    machine.look()


def test_whoever_waits_for_a_host_that_was_cut_off_is_reported(uncut: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "KEEPALIVE", 1)
    monkeypatch.setattr(connection, "SILENCE_TIMEOUT", 2000)
    machine = SshMachine(_connection(uncut, "lab3"))
    with ThreadPoolExecutor() as pool:
        waits = pool.submit(machine.run, ["sh", "-c", "echo here > /tmp/began; sleep 60"])
        assert wait_until(lambda: machine.exists("/tmp/began"), 10)
        uncut.cut("controller", "lab3")
        with pytest.raises(Unreachable, match="host 'lab3'"):
            waits.result(30)


def _banner(address: str, port: int) -> str:
    with socket.create_connection((address, port), timeout=10) as opened:
        return opened.recv(64).decode()
