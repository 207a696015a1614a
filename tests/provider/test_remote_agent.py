"""The agent of a host behind a byte stream; the host is this machine, behind a local socket."""

import os
import shlex
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from mspass_stack.errors import Refused, Unreachable
from mspass_stack.machines import relay
from mspass_stack.machines.agent import RemoteAgent
from mspass_stack.machines.base import Channel
from mspass_stack.machines.local import LocalMachine
from mspass_stack.polling import wait_until
from mspass_stack.spec.connection import ConnectionSpec

NODE = ConnectionSpec(host="n1", address="10.0.0.1")

BROKEN = r"^host 'n1' \(10\.0\.0\.1\): the connection broke while it was asked$"

SHELLS = ("sh", "bash", "zsh", "ksh", "fish", "csh", "tcsh")
"""Of logins; the first two are everywhere, and `make test` brings the last."""

NOBODY = {"directory": "/nowhere", "stack_id": "0123456789ab", "name": "nobody"}


class Far:
    """A host behind local sockets, with a login shell of its own."""

    def __init__(self, shell: Path | None = None) -> None:
        self._words = ["env", f"SHELL={shell}"] if shell else []
        self.channels: list[Channel] = []

    def dial(self, argv: Sequence[str]) -> Channel:
        self.channels.append(LocalMachine().dial([*self._words, *argv]))
        return self.channels[-1]

    def close(self) -> None:
        """Close what is open: an agent that nobody asks ends."""
        for channel in self.channels:
            channel.close()


@pytest.fixture
def far(request: pytest.FixtureRequest) -> Far:
    return _far(request)


def _far(request: pytest.FixtureRequest, shell: Path | None = None) -> Far:
    far = Far(shell)
    request.addfinalizer(far.close)
    return far


def _script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_what_is_asked_is_answered_over_one_stream(far: Far) -> None:
    agent = RemoteAgent(NODE, far.dial)
    assert far.channels == [], "it is started when it is needed"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        (found,) = agent.call("listeners", ports=[port])
    assert (found["port"], found["pid"]) == (port, os.getpid())
    assert agent.call("run_once", argv=["echo", "hello"], seconds=10) == {"status": 0, "output": "hello\n"}
    assert len(far.channels) == 1


def test_it_runs_in_another_process_without_a_file_on_the_host(far: Far) -> None:
    ran = RemoteAgent(NODE, far.dial).call("run_once", argv=["sh", "-c", "cat /proc/$PPID/cmdline"], seconds=10)
    words = ran["output"].split("\0")
    assert words[1:3] == ["-I", "-c"]
    assert "/proc/self/fd/" in words[3]


def test_what_it_refuses_is_refused_and_a_fault_of_ours_is_none_of_the_users(far: Far) -> None:
    agent = RemoteAgent(NODE, far.dial)
    with pytest.raises(Refused, match=r"^nobody is not up$"):
        agent.call("signal", signal="TERM", **NOBODY)
    with pytest.raises(RuntimeError, match=r"^the agent of host 'n1' \(10\.0\.0\.1\): (?s:.*)KeyError: 'format_disk'"):
        agent.call("format_disk")


def test_a_slow_call_holds_no_other(far: Far, tmp_path: Path) -> None:
    agent, go = RemoteAgent(NODE, far.dial), tmp_path / "go"
    waits = ["sh", "-c", f"until [ -e {go} ]; do sleep 0.05; done; echo went"]
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(agent.call, "run_once", argv=waits, seconds=60)
        try:
            for _ in range(20):
                assert agent.call("listeners", ports=[]) == []
            assert not slow.done()
        finally:
            go.touch()
        assert slow.result(20) == {"status": 0, "output": "went\n"}


def test_streams_of_commands_there_go_through_its_own(far: Far) -> None:
    agent = RemoteAgent(NODE, far.dial)
    streams = [relay.start_command(agent, ["sh", "-c", f"cat; echo end {number}"]) for number in range(20)]
    for number, stream in enumerate(streams):
        stream.sendall(b"from here\n")
        stream.sendall(b"and here\n")
        stream.shutdown(socket.SHUT_WR)
        said = b"".join(iter(lambda stream=stream: stream.recv(65536), b""))
        assert said == f"from here\nand here\nend {number}\n".encode()
        stream.close()
    assert len(far.channels) == 1
    with pytest.raises(Refused, match=r"^/none: "):
        relay.start_command(agent, ["/none"])


def test_an_agent_behind_such_a_stream_is_told_when_the_first_one_ends(far: Far) -> None:
    first = RemoteAgent(NODE, far.dial)
    second = RemoteAgent(ConnectionSpec(host="node0", job="/j"), lambda argv: relay.start_command(first, argv))
    assert second.call("run_once", argv=["echo", "hello"], seconds=10)["output"] == "hello\n"
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(second.call, "run_once", argv=["sleep", "60"], seconds=60)
        far.channels[0].shutdown(socket.SHUT_RDWR)
        with pytest.raises(Unreachable, match=r"host 'node0' .* the connection broke while it was asked"):
            waiting.result(30)


def test_what_a_login_shell_says_before_is_passed_over(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    noisy = _script(tmp_path / "noisy", 'echo "Welcome to n1"; printf "{}\\n[1]\\n"; exec sh "$@"')
    agent = RemoteAgent(NODE, _far(request, noisy).dial)
    assert agent.call("listeners", ports=[]) == []


@pytest.mark.parametrize("name", [name for name in SHELLS if shutil.which(name)])
def test_any_login_shell_leads_to_the_agent_by_what_a_login_reads(
    request: pytest.FixtureRequest, tmp_path: Path, name: str
) -> None:
    (tmp_path / ".profile").write_text("export FROM=profile\n")
    (tmp_path / ".zprofile").write_text("export FROM=profile\n")
    (tmp_path / ".login").write_text("setenv FROM profile\n")
    (tmp_path / ".config" / "fish").mkdir(parents=True)
    (tmp_path / ".config" / "fish" / "config.fish").write_text("status is-login; and set -gx FROM profile\n")
    shell = shutil.which(name)
    assert shell
    far = Far(Path(shell))
    request.addfinalizer(far.close)

    def dial(argv: Sequence[str]) -> Channel:
        # As sshd does: the shell itself runs the line.
        line = shlex.join(["env", "-u", "FROM", f"HOME={tmp_path}", f"SHELL={shell}", *argv])
        return far.dial([shell, "-c", line])

    ran = RemoteAgent(NODE, dial).call("run_once", argv=["sh", "-c", "echo $FROM"], seconds=10)
    assert ran["output"] == "profile\n"


@pytest.mark.parametrize("how", ["killed", "cut off"])
def test_who_waits_when_the_stream_breaks_is_reported_and_the_next_call_opens_a_new_one(
    far: Far, tmp_path: Path, how: str
) -> None:
    agent, pids = RemoteAgent(NODE, far.dial), tmp_path / "pids"
    words = ["sh", "-c", f"echo $PPID $$ > {tmp_path}/partial; mv {tmp_path}/partial {pids}; sleep 1000"]
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(agent.call, "run_once", argv=words, seconds=60)
        assert wait_until(pids.exists, 20)
        agent_pid, group = map(int, pids.read_text().split())
        if how == "killed":
            os.kill(agent_pid, signal.SIGKILL)
        else:
            far.channels[0].shutdown(socket.SHUT_RDWR)
        try:
            with pytest.raises(Unreachable, match=BROKEN):
                waiting.result(20)
        finally:
            with suppress(ProcessLookupError):  # an agent that can ends its commands itself
                os.killpg(group, signal.SIGKILL)
    assert agent.call("listeners", ports=[]) == []
    assert len(far.channels) == 2


@pytest.mark.parametrize("answer", [b"[1]\n", b"1\n", b"{}\n", b"hello\n"])
def test_something_else_that_speaks_in_the_stream_is_no_answer_and_nobody_waits_for_one(answer: bytes) -> None:
    near, other = socket.socketpair()
    with other, ThreadPoolExecutor(1) as pool:
        other.sendall(b'{"agent": 1}\n')
        waiting = pool.submit(RemoteAgent(NODE, lambda argv: near).call, "listeners", ports=[])
        heard = b""
        while b"listeners" not in heard:
            heard += other.recv(65536)
        other.sendall(answer)
        with pytest.raises(Unreachable, match=BROKEN):
            waiting.result(20)


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A login shell whose PATH has a shell and a Python that is too old."""
    path = tmp_path / "bin"
    path.mkdir()
    (path / "sh").symlink_to("/bin/sh")
    _script(path / "python3", "exit 1")
    return _script(tmp_path / "bare", f'shift; PATH={path} exec /bin/sh "$@"')


def test_a_host_without_a_python_is_refused_with_what_to_do(request: pytest.FixtureRequest, bare: Path) -> None:
    agent = RemoteAgent(NODE, _far(request, bare).dial)
    with pytest.raises(Refused) as refused:
        agent.call("listeners", ports=[])
    assert str(refused.value) == (
        "host 'n1' (10.0.0.1): no Python 3.8 or newer on the PATH of its login shell: install one, or name one by "
        "mspass:cluster.hosts.n1.python"
    )


def test_a_python_that_the_config_names_is_taken_where_the_login_has_none(
    request: pytest.FixtureRequest, bare: Path
) -> None:
    named = NODE.model_copy(update={"python": sys.executable})
    assert RemoteAgent(named, _far(request, bare).dial).call("listeners", ports=[]) == []


@pytest.mark.parametrize("answers", [b"", b"This account is currently not available.\n"], ids=["nothing", "a word"])
def test_a_stream_that_ends_before_the_agent_says_hello_is_a_broken_connection(answers: bytes) -> None:
    def dial(argv: Sequence[str]) -> Channel:
        near, other = socket.socketpair()
        with other:
            other.sendall(answers)
        return near

    check: Callable[..., object] = RemoteAgent(NODE, dial).call
    with pytest.raises(Unreachable, match=r"'n1' .*: the connection broke before its agent answered"):
        check("listeners", ports=[])
