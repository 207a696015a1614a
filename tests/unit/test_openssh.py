"""A connection as OpenSSH and Docker's own tools take it."""

import shlex
from pathlib import Path
from typing import Any

from mspass_stack.config.load import read_cluster
from mspass_stack.machines import openssh
from mspass_stack.machines.master import Master
from mspass_stack.sites import site_of
from mspass_stack.spec.connection import ConnectionSpec

PLAIN = ConnectionSpec(host="n1", address="10.0.0.1")
FULL = ConnectionSpec(
    host="n1",
    address="10.0.0.1",
    user="me",
    port=2222,
    key="/my keys/id",
    known_hosts="/my keys/known",
    jump="you@gate:2200",
)


def _options(words: list[str]) -> dict[str, str]:
    """OpenSSH's options by name; every second word is -o."""
    assert words[::2] == ["-o"] * (len(words) // 2)
    return dict(word.split("=", 1) for word in words[1::2])


def _connection(base: str = "/project", **ssh: object) -> ConnectionSpec:
    hosts = {"n1": {"address": "10.0.0.1", "ssh": ssh}, "n2": {"address": "10.0.0.2"}}
    value = {"runtime": "docker", "workdir": "/w", "datadir": "/d", "hosts": hosts, "database": {"db": "n1"}}
    cluster = read_cluster(value)
    return site_of(cluster).connection(cluster, "stack", "n1", Path(base))


def test_an_engine_has_the_address_that_dockers_own_tools_take() -> None:
    assert openssh.docker_host(PLAIN) == "ssh://10.0.0.1"
    assert openssh.docker_host(FULL) == "ssh://me@10.0.0.1:2222"


def test_a_host_without_ssh_is_this_machine() -> None:
    value: dict[str, Any] = {"hosts": {"desktop": {}}, "database": {"db": "desktop"}}
    cluster = read_cluster(value)
    here = site_of(cluster).connection(cluster, "stack", "desktop", Path("/project"))
    assert here == ConnectionSpec(host="desktop")
    assert not here.remote
    assert PLAIN.remote


def test_ssh_asks_nothing_checks_host_keys_and_shares_one_connection() -> None:
    options = _options(openssh.options(PLAIN))
    assert options["BatchMode"] == "yes"
    assert options["StrictHostKeyChecking"] == "yes"
    assert options["ControlMaster"] == "auto"
    assert options["ControlPath"].startswith("/tmp/mspass-%i/"), "the directory of forward.own_directory()"


def test_what_the_config_leaves_out_is_the_users_own_ssh_config() -> None:
    options = openssh.options(PLAIN)
    assert not {"IdentityFile", "UserKnownHostsFile", "ProxyCommand", "User", "Port"} & set(_options(options))
    assert openssh.command(PLAIN) == ["ssh", *options, "10.0.0.1"]


def test_a_command_line_names_user_and_port() -> None:
    assert openssh.command(FULL) == ["ssh", *openssh.options(FULL), "-p", "2222", "me@10.0.0.1"]


def test_paths_with_blanks_stay_one_path() -> None:
    """OpenSSH takes an option's value apart at blanks, as a line of its config."""
    options = _options(openssh.options(FULL))
    assert shlex.split(options["IdentityFile"]) == ["/my keys/id"]
    assert shlex.split(options["UserKnownHostsFile"])[-1] == "/my keys/known"


def test_the_stacks_known_hosts_stand_beside_the_users_own() -> None:
    assert shlex.split(_options(openssh.options(FULL))["UserKnownHostsFile"])[:2] == [
        "~/.ssh/known_hosts",
        "~/.ssh/known_hosts2",
    ]


def test_a_jump_host_is_met_with_the_same_key_and_known_hosts() -> None:
    own = _options(openssh.options(FULL))
    words = shlex.split(own["ProxyCommand"])
    assert words[0] == "ssh"
    assert words[-5:] == ["-W", "[%h]:%p", "-p", "2200", "you@gate"]
    there = _options(words[1:-5])
    assert there == {
        key: own[key] for key in ("BatchMode", "IdentityFile", "UserKnownHostsFile", "StrictHostKeyChecking")
    }
    assert "ControlPath" not in there, "a shared connection is of one host"


def test_a_jump_host_without_a_port_is_named_alone() -> None:
    options = _options(openssh.options(ConnectionSpec(address="10.0.0.1", jump="gate")))
    assert shlex.split(options["ProxyCommand"])[-3:] == ["-W", "[%h]:%p", "gate"]


def test_a_login_of_the_users_own_asks_and_stays_open_for_others() -> None:
    ssh, *words = openssh.master(FULL, Path("/tmp/50% mine/login"))
    assert (ssh, words[:3], words[-3:]) == ("ssh", ["-f", "-N", "-T"], ["-p", "2222", "me@10.0.0.1"])
    options = _options(words[3:-3])
    assert options["ControlMaster"] == "yes"
    assert options["ControlPath"] == '"/tmp/50%% mine/login"'
    assert options["ControlPersist"] == "8h"
    assert not {"BatchMode", "StrictHostKeyChecking"} & set(options), "ssh asks as it does elsewhere"
    assert not {"BatchMode", "StrictHostKeyChecking"} & set(_options(shlex.split(options["ProxyCommand"])[1:-5]))
    assert shlex.split(options["IdentityFile"]) == ["/my keys/id"]


def test_its_socket_is_one_for_each_way_to_a_host_and_has_a_short_path() -> None:
    changes = ({"user": "you"}, {"address": "10.0.0.2"}, {"port": 22}, {"jump": ""})
    paths = {Master(FULL.model_copy(update=change)).path for change in ({}, *changes)}
    assert len(paths) == 5
    assert Master(FULL).path == Master(FULL.model_copy(update={"host": "login", "job": "/scratch/x"})).path
    # OpenSSH makes it beside its place, by a longer name.
    assert all(len(str(path)) + len(".0123456789abcdef") < 104 for path in paths)


def test_relative_files_start_at_the_project_and_the_users_home_is_known() -> None:
    assert _connection(key=".lab/key").key == "/project/.lab/key"
    assert _connection(known_hosts="/etc/known").known_hosts == "/etc/known"
    assert _connection(key="~/.ssh/lab").key == str(Path.home() / ".ssh/lab")


def test_all_of_ssh_arrives_in_the_connection() -> None:
    requested: dict[str, Any] = {"user": "me", "port": 2222, "key": "/k", "known_hosts": "/h", "jump": "you@gate:2200"}
    assert _connection(**requested) == ConnectionSpec(host="n1", address="10.0.0.1", **requested)
    assert _connection() == PLAIN
