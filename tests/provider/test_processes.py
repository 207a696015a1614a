"""A process on this machine: started, adopted, replaced, refused, healed and stopped."""

import os
import signal
import socket

import psutil
import pytest

from mspass_stack.provider.registry import RESOURCES
from mspass_stack.provider.resource import InitFailed, Refused
from mspass_stack.provider.waiting import wait_until
from tests.harness.ports import free_ports
from tests.provider.conftest import Host

SLEEPER = "import time; time.sleep(1000)"
SLOW_TO_STOP = """
import signal, time
def stop(*_): print("stopped in order", flush=True); raise SystemExit(0)
signal.signal(signal.SIGTERM, stop)
print("up", flush=True)
time.sleep(1000)
"""


def _pid(outputs: dict[str, str]) -> int:
    return int(outputs["incarnation"].split("-")[0])


def _alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _supervisor_pid(host: Host) -> int:
    return int((host.home / "run" / "supervisord.pid").read_text())


def test_a_second_ensure_adopts_the_running_process(host: Host) -> None:
    inputs = host.python("mongod", SLEEPER)
    first = host.ensure(inputs)
    assert psutil.Process(_pid(first)).cmdline()[-1] == SLEEPER
    assert host.ensure(inputs) == first == host.read(inputs)


def test_a_changed_process_is_replaced_and_its_forerunner_stopped_in_order(host: Host) -> None:
    first = host.ensure(host.python("mongod", SLOW_TO_STOP))
    assert wait_until(lambda: "up" in host.log("mongod"), 20)
    second = host.ensure(host.python("mongod", SLEEPER))
    assert _pid(second) != _pid(first)
    assert not _alive(_pid(first))
    assert "stopped in order" in host.log("mongod")


def test_a_killed_process_is_back_within_seconds(host: Host) -> None:
    inputs = host.python("mongod", SLEEPER)
    first = host.ensure(inputs)
    os.kill(_pid(first), signal.SIGKILL)
    again = wait_until(lambda: (found := host.read(inputs)) and (found if found != first else None), 10)
    assert again
    assert _pid(again) != _pid(first)


def test_children_of_a_killed_supervisor_are_gone_for_the_state_and_healed_by_the_next_ensure(host: Host) -> None:
    inputs = host.python("mongod", SLOW_TO_STOP)
    first = host.ensure(inputs)
    assert wait_until(lambda: "up" in host.log("mongod"), 20)
    os.kill(_supervisor_pid(host), signal.SIGKILL)
    assert wait_until(lambda: host.read(inputs) is None, 10)
    assert _alive(_pid(first)), "a supervisor's children survive it"
    second = host.ensure(inputs)
    assert _pid(second) != _pid(first)
    assert not _alive(_pid(first))


def test_a_port_of_a_stranger_is_refused_with_its_pid_and_the_stranger_lives_on(host: Host) -> None:
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        port = stranger.getsockname()[1]
        with pytest.raises(Refused, match=rf"port {port} on host 'here' is held by .*pid {os.getpid()}"):
            host.ensure(host.python("mongod", SLEEPER, ports=(port,)))
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    assert host.read(host.python("mongod", SLEEPER)) is None


def test_a_process_that_ends_at_once_fails_its_gate_with_its_last_log_lines(host: Host) -> None:
    inputs = host.python("mongod", "import sys; print('no space left'); sys.exit(48)")
    with pytest.raises(InitFailed) as failed:
        host.ensure(inputs)
        RESOURCES["Ready"].create(host.call({**inputs, "incarnations": []}))
    assert "no space left" in failed.value.reason
    assert "exit status 48" in failed.value.reason
    assert "mongod on host 'here'" in failed.value.reason


def test_an_unready_process_fails_its_gate_at_its_deadline_and_stays(host: Host) -> None:
    port = free_ports(1)[0]
    inputs = host.python("mongod", SLEEPER)
    inputs["process"]["probe"] |= {"port": port, "deadline": 1}
    started = host.ensure(inputs)
    with pytest.raises(InitFailed, match=rf"mongo at 127.0.0.1:{port}, within 1 s"):
        RESOURCES["Ready"].create(host.call({**inputs, "incarnations": []}))
    assert host.read(inputs) == started


def test_delete_stops_in_order_and_absent_is_fine(host: Host) -> None:
    inputs = host.python("mongod", SLOW_TO_STOP)
    started = host.ensure(inputs)
    assert wait_until(lambda: "up" in host.log("mongod"), 20)
    RESOURCES["HostProcess"].delete(host.call(inputs))
    assert not _alive(_pid(started))
    assert "stopped in order" in host.log("mongod")
    RESOURCES["HostProcess"].delete(host.call(inputs))


def test_a_daemon_inherits_no_secret_of_the_shell_that_runs_pulumi(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "the passphrase")
    monkeypatch.setenv("MSPASS_DB_ADDRESS", "another stack's")
    started = host.ensure(host.python("mongod", SLEEPER))
    environment = psutil.Process(_pid(started)).environ()
    assert not {"PULUMI_CONFIG_PASSPHRASE", "MSPASS_DB_ADDRESS"} & set(environment)
    assert environment["MSPASS_STACK"] == "test"


def test_environment_and_words_arrive_as_declared_whatever_they_contain(host: Host) -> None:
    odd = """it's "odd" $HOME %(x)s ;#\\"""
    code = "import os, sys; print(repr([os.environ['ODD'], sys.argv[1]]), flush=True); import time; time.sleep(1000)"
    inputs = host.python("mongod", code, environment={"ODD": odd})
    inputs["process"]["argv"].append(odd)
    host.ensure(inputs)
    assert wait_until(lambda: repr([odd, odd]) in host.log("mongod"), 20)
