"""What a host says of itself, read; and a real shell that says it."""

import getpass
import os
import shutil
import socket
from pathlib import Path

import pytest

from mspass_stack.errors import Unreachable
from mspass_stack.machines.base import CompletedCommand
from mspass_stack.machines.local import LocalMachine
from mspass_stack.provider.preflight.facts import Facts, gather, parse

OUTPUT = """\
cores 8
memory 33567580160
nofile 524288
machine x86_64
features  fpu sse avx avx2
listens 0100007F:1F90
listens 00000000000000000000000000000000:0016
socket LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=812,fd=3))
socket LISTEN 0 4096 127.0.0.1:8080 0.0.0.0:*
uid 1000
user seismo
logind KillUserProcesses
logind Linger
directory_owner 1000
owner lab 0123456789ab head
holds .mspass-stack
holds my thesis.tex
anchor /srv/my data /srv/my data
writable /srv/my data
free /srv/my data 5368709120
filesystem /srv/my data ext2/ext3
anchor /srv/work deep/a b /srv/work deep
anchor /work /
free /srv/work 1024
resolves node2.lab 10.0.0.2
clock 1000.250000000
"""


def test_all_that_a_host_says_is_read() -> None:
    assert parse(OUTPUT, 999.0, 1000.0) == Facts(
        cores=8,
        memory=33567580160,
        nofile=524288,
        machine="x86_64",
        features=frozenset({"fpu", "sse", "avx", "avx2"}),
        ports=frozenset({8080, 22}),
        sockets=(
            'LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=812,fd=3))',
            "LISTEN 0 4096 127.0.0.1:8080 0.0.0.0:*",
        ),
        uid=1000,
        user="seismo",
        logind=frozenset({"KillUserProcesses", "Linger"}),
        directory_owner=1000,
        owner=("lab", "0123456789ab", "head"),
        holds=(".mspass-stack", "my thesis.tex"),
        anchor={"/srv/my data": "/srv/my data", "/srv/work deep/a b": "/srv/work deep", "/work": "/"},
        writable=frozenset({"/srv/my data"}),
        free={"/srv/my data": 5368709120, "/srv/work": 1024},
        filesystem={"/srv/my data": "ext2/ext3"},
        resolves={"node2.lab": "10.0.0.2"},
        skew=0.25,
        doubt=1.0,
    )


def test_a_host_that_says_little_is_read_too() -> None:
    bare = "cores \nmemory \nnofile \nmachine \nfeatures \nowner \nfree /srv 0\n"
    assert parse(bare, 5.0, 6.0) == Facts(nofile=2**31, free={"/srv": 0}, doubt=1.0)


def test_no_limit_of_open_files_is_more_than_any() -> None:
    assert parse("nofile unlimited").nofile == 2**31


@pytest.mark.parametrize(("clock", "skew"), [(1060.0, 60.0), (880.0, -120.0)])
def test_a_clock_that_is_off_is_seen_with_its_sign(clock: float, skew: float) -> None:
    assert parse(f"clock {clock}", 999.0, 1000.0).skew == skew


def test_a_port_is_held_by_a_named_process_where_the_user_may_know() -> None:
    facts = parse(OUTPUT)
    assert facts.holder(22) == "sshd (pid 812)"
    assert facts.holder(8080) == "a process of another user"
    assert facts.holder(2) == "a process of another user", "which is no part of 22"


def test_a_real_shell_says_what_this_machine_is(tmp_path: Path) -> None:
    stack_dir, work = tmp_path / "a directory", tmp_path / "deep" / "work"
    stack_dir.mkdir()
    (stack_dir / ".mspass-stack").write_text("lab 0123456789ab here\n")
    (stack_dir / "db").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        facts = gather(LocalMachine(), str(stack_dir), str(work), ["localhost", "no-such-host.invalid"])
        assert port in facts.ports
        assert str(os.getpid()) in facts.holder(port)
    assert facts.owner == ("lab", "0123456789ab", "here")
    assert set(facts.holds) == {".mspass-stack", "db"}
    assert facts.writable == {str(stack_dir), str(work)}
    assert set(facts.free) == {str(stack_dir), str(work)}
    assert all(0 < free <= shutil.disk_usage(tmp_path).total for free in facts.free.values())
    assert set(facts.resolves) == {"localhost"}
    assert facts.resolves["localhost"] in ("127.0.0.1", "::1")
    assert facts.uid == facts.directory_owner == os.getuid()
    assert facts.user == getpass.getuser()
    assert facts.anchor == {str(stack_dir): str(stack_dir), str(work): str(tmp_path)}
    assert facts.cores == os.cpu_count()
    assert facts.machine == os.uname().machine
    assert facts.memory == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert facts.features
    assert abs(facts.skew) <= facts.doubt + 1


def test_a_file_where_a_directory_should_be_is_not_writable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    facts = gather(LocalMachine(), str(tmp_path / "file"), str(tmp_path / "file" / "below"), [])
    assert facts.writable == frozenset()


def test_a_disk_that_cannot_be_measured_counts_as_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "df"
    program.write_text("#!/bin/sh\necho 'df: Stale file handle' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert gather(LocalMachine(), str(tmp_path), str(tmp_path), []).free == {str(tmp_path): 0}


def test_a_stack_that_does_not_know_its_id_has_no_owner(tmp_path: Path) -> None:
    assert gather(LocalMachine(), str(tmp_path), str(tmp_path), []).owner == ()


class NoShell(LocalMachine):
    """A host whose login shell only says that it is closed."""

    def run(self, argv: object, stdin: str = "") -> CompletedCommand:
        return CompletedCommand(1, "This account is currently not available.\n", "")


def test_a_shell_that_does_not_work_is_reported(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match=r"its shell does not work: This account is currently not available\."):
        gather(NoShell(), str(tmp_path), str(tmp_path), [])
