"""A process on this machine as the state knows it: started, adopted, replaced, refused, gone, ready and drained.

How the agent brings that about is in test_agent.py.
"""

import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from mspass_stack.agent import proc
from mspass_stack.errors import InitFailed, Refused
from mspass_stack.polling import wait_until
from mspass_stack.provider.resources import drain as draining
from mspass_stack.provider.server.registry import RESOURCES
from tests.harness.ports import free_ports
from tests.provider.conftest import HERE, SLEEPER, SLOW_TO_STOP, Host, pid_of

PROCESS, READY, TURN = RESOURCES["HostProcess"], RESOURCES["Ready"], RESOURCES["Turn"]


def _alive(pid: int) -> bool:
    return bool(proc.incarnation(pid))


def _up(host: Host, name: str = "mongod") -> bool:
    """Wait until a process has said that it is up."""
    return bool(wait_until(lambda: "up" in host.log(name), 20))


def test_a_second_create_adopts_the_running_process_and_nothing_differs(host: Host) -> None:
    inputs = host.python("mongod", SLEEPER)
    id, first = PROCESS.create(host.call(inputs))
    assert id == "test/mongod@here"
    assert first["running"] == inputs["digest"]
    assert psutil.Process(pid_of(first)).cmdline()[-1] == SLEEPER
    assert host.ensure(inputs) == first == host.read(inputs)
    assert PROCESS.diff(host.call(inputs, outputs=first, old_inputs=host.call(inputs).inputs)) == []


def test_a_changed_process_is_replaced_and_its_forerunner_stopped_in_order(host: Host) -> None:
    before, after = host.python("mongod", SLOW_TO_STOP), host.python("mongod", SLEEPER)
    first = host.ensure(before)
    assert _up(host)
    call = host.call(after, outputs=first, old_inputs=host.call(before).inputs)
    assert PROCESS.diff(call) == ["digest", "process"]
    second = PROCESS.update(call)
    assert pid_of(second) != pid_of(first)
    assert not _alive(pid_of(first))
    assert "stopped in order" in host.log("mongod")


def test_another_process_than_the_declared_one_is_seen_by_its_digest_and_replaced(host: Host) -> None:
    declared = host.python("mongod", SLEEPER)
    first = host.ensure(host.python("mongod", SLOW_TO_STOP))
    found = host.read(declared)
    assert found
    call = host.call(declared, outputs=found, old_inputs=host.call(declared).inputs)
    assert PROCESS.diff(call) == ["process"]
    assert pid_of(PROCESS.update(call)) != pid_of(first)
    assert not _alive(pid_of(first))


def test_another_deadline_is_a_change_that_restarts_nothing(host: Host) -> None:
    before, after = host.python("mongod", SLEEPER), host.python("mongod", SLEEPER)
    first = host.ensure(before)
    after["process"]["probe"]["deadline"] = 600
    call = host.call(after, outputs=first, old_inputs=host.call(before).inputs)
    assert PROCESS.diff(call) == ["process"]
    assert PROCESS.update(call) == first


def test_another_way_to_its_host_is_no_change_of_a_process(host: Host) -> None:
    inputs = host.call(host.python("mongod", SLEEPER)).inputs
    other = inputs | {"connection": HERE | {"user": "other"}}
    assert PROCESS.diff(host.call(other, outputs={"running": inputs["digest"]}, old_inputs=inputs)) == []


def test_a_killed_process_is_back_within_seconds(host: Host) -> None:
    inputs = host.python("mongod", SLEEPER)
    first = host.ensure(inputs)
    os.kill(pid_of(first), signal.SIGKILL)
    again = wait_until(lambda: (found := host.read(inputs)) and (found if found != first else None), 10)
    assert again
    assert pid_of(again) != pid_of(first)


def test_what_a_killed_supervisor_left_is_gone_for_the_state_and_healed_by_the_next_create(host: Host) -> None:
    inputs = host.python("mongod", SLEEPER)
    first = host.ensure(inputs)
    os.kill(int((host.stack_dir / "run" / "supervisord.pid").read_text()), signal.SIGKILL)
    assert wait_until(lambda: host.read(inputs) is None, 10)
    assert _alive(pid_of(first)), "a supervisor's children survive it"
    second = host.ensure(inputs)
    assert pid_of(second) != pid_of(first)
    assert host.running() == ["", "mongod"]


def test_a_port_of_a_stranger_is_refused_with_its_pid_and_the_stranger_lives_on(host: Host) -> None:
    inputs = host.python("mongod", SLEEPER)
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        port = stranger.getsockname()[1]
        held = rf"^mongod on host 'here': port {port} is held by .*pid {os.getpid()}"
        with pytest.raises(Refused, match=held):
            host.ensure(host.python("mongod", SLEEPER, ports=(port,)))
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    assert host.read(inputs) is None


def test_a_preview_starts_nothing(host: Host) -> None:
    inputs = host.python("mongod", SLEEPER)
    assert PROCESS.create(host.call(inputs, preview=True)) == ("test/mongod@here", {})
    assert PROCESS.update(host.call(inputs, old_inputs=host.call(inputs).inputs, preview=True)) == {}
    assert not (host.stack_dir / "run").exists()


def test_a_process_that_cannot_work_in_its_directory_is_in_the_state_with_what_it_said(host: Host) -> None:
    inputs = host.python("mongod", SLEEPER, directory=str(host.stack_dir / "none"))
    with pytest.raises(InitFailed) as failed:
        host.ensure(inputs)
    assert failed.value.outputs == {"incarnation": "", "running": inputs["digest"]}
    assert failed.value.reason.startswith("mongod on host 'here': last ended with exit status 1")
    assert host.read(inputs) is None, "the next up starts it"


def test_a_process_that_ends_at_once_fails_its_readiness_check_with_its_last_log_lines(host: Host) -> None:
    inputs = host.python("mongod", "import sys; print('no space left'); sys.exit(48)")
    with pytest.raises(InitFailed) as failed:
        host.ensure(inputs)
        READY.create(host.call(host.readiness(inputs)))
    assert "no space left" in failed.value.reason
    assert "exit status 48" in failed.value.reason
    assert "mongod on host 'here'" in failed.value.reason


def test_an_unready_process_fails_its_readiness_check_at_its_deadline_and_stays(host: Host) -> None:
    port = free_ports(1)[0]
    inputs = host.python("mongod", SLEEPER)
    inputs["process"]["probe"] |= {"port": port, "deadline": 1}
    started = host.ensure(inputs)
    with pytest.raises(
        InitFailed, match=rf"mongo at 127.0.0.1:{port}, within 1 s\): .*Connection refused; still runs"
    ) as failed:
        READY.create(host.call(host.readiness(inputs)))
    assert failed.value.outputs == {"incarnation": ""}
    with pytest.raises(InitFailed, match=r"mongod on host 'here' is not ready: .*Connection refused"):
        READY.read(host.call(host.readiness(inputs), id="ready"))
    assert host.read(inputs) == started


def test_a_ready_process_is_ready_with_its_incarnation(host: Host) -> None:
    port = free_ports(1)[0]
    inputs = host.process("frontend", sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port))
    inputs["process"]["probe"] |= {"kind": "http", "port": port, "path": "/", "deadline": 30}
    started = host.ensure(inputs)
    id, outputs = READY.create(host.call(host.readiness(inputs)))
    assert (id, outputs) == ("test/ready/frontend@here", {"incarnation": started["incarnation"]})
    assert READY.read(host.call(host.readiness(inputs), outputs={"incarnation": "an older one"})) == outputs


def test_delete_stops_in_order_and_absent_is_fine(host: Host) -> None:
    inputs = host.python("mongod", SLOW_TO_STOP)
    PROCESS.delete(host.call(inputs))
    started = host.ensure(inputs)
    assert _up(host)
    PROCESS.delete(host.call(inputs))
    assert not _alive(pid_of(started))
    assert "stopped in order" in host.log("mongod")
    PROCESS.delete(host.call(inputs))


def test_environment_and_words_arrive_as_declared_whatever_they_contain(host: Host) -> None:
    odd = """it's "odd" $HOME %(x)s ;#\\"""
    code = "import os, sys; print(repr([os.environ['ODD'], sys.argv[1]]), flush=True); import time; time.sleep(1000)"
    host.ensure(host.python("mongod", code, odd, environment={"ODD": odd}))
    assert wait_until(lambda: repr([odd, odd]) in host.log("mongod"), 20)


def test_a_secret_comes_from_its_file_and_is_in_no_command_line_and_no_launcher(host: Host) -> None:
    secrets = host.stack_dir / "client.env"
    secrets.write_text("PASSWORD='the secret'\n")
    started = host.ensure(host.python("worker", SLEEPER, env_files=(str(secrets),)))
    process = psutil.Process(pid_of(started))
    assert process.environ()["PASSWORD"] == "the secret"
    assert "the secret" not in " ".join(process.cmdline())
    assert "the secret" not in (host.stack_dir / "run" / "worker.sh").read_text()


def test_directories_of_a_process_lead_its_path_in_their_order(host: Host) -> None:
    started = host.ensure(host.python("worker", SLEEPER, path=("/first", "/second")))
    path = psutil.Process(pid_of(started)).environ()["PATH"]
    assert path == f"/first:/second:{os.environ['PATH']}"


DRAIN = """
import os, pathlib, sys
print(*sys.argv[1:])
pathlib.Path("drained").write_text(" ".join([os.environ["MSPASS_PROCESS"], os.environ["SEEN"], *sys.argv[1:]]))
sys.exit(int(sys.argv[2]))
"""
"""A small program in the place of the one that retires workers; its second word is its exit status."""


class Drain:
    """A scheduler that is up, in whose place the program above runs, and a worker that is to be drained."""

    def __init__(self, host: Host) -> None:
        self.host, self.mark = host, host.stack_dir / "drained"
        self.scheduler = host.python("scheduler", SLEEPER, environment={"SEEN": "by the scheduler"})
        self.worker = host.python("worker", SLEEPER)
        host.ensure(self.scheduler)
        host.ensure(self.worker)

    def spec(self, status: int = 0) -> dict[str, Any]:
        """How the worker is drained."""
        return {
            "manager": "supervisord",
            "process": "scheduler",
            "stackDir": str(self.host.stack_dir),
            "python": self.worker["process"]["argv"][0],
            "program": "small.py",
            "words": ["worker", str(status)],
        }

    def turn(self, digest: str, status: int = 0) -> dict[str, Any]:
        return {
            "connection": HERE,
            "host": "desktop",
            "process": "worker",
            "manager": "supervisord",
            "managedName": "worker",
            "stackDir": str(self.host.stack_dir),
            "digest": digest,
            "drain": self.spec(status),
            "drainConnection": HERE,
            "meanwhile": [],
            "connections": {},
            "halts": "",
            "interrupt": False,
            "replicaSet": "",
            "members": {},
            "keyFile": "",
        }

    def update(self, old: str, new: str, status: int = 0, preview: bool = False) -> None:
        before = self.host.call(self.turn(old, status)).inputs
        call = self.host.call(self.turn(new, status), old_inputs=before, outputs={"carries": old}, preview=preview)
        assert TURN.update(call) == {"carries": new}

    @property
    def warnings(self) -> list[str]:
        return [line for line in self.host.output if line.startswith("warning")]


@pytest.fixture
def drain(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Drain:
    (tmp_path / "small.py").write_text(DRAIN)

    def programs(package: str) -> Path:
        assert package == "mspass_stack.agent"
        return tmp_path

    monkeypatch.setattr(draining, "files", programs)
    return Drain(host)


def test_a_worker_is_drained_in_the_place_of_its_scheduler_before_it_is_restarted(drain: Drain) -> None:
    drain.update("one", "two")
    assert drain.mark.read_text() == "scheduler by the scheduler worker 0"
    assert drain.warnings == []


def test_what_is_not_restarted_is_not_drained(drain: Drain) -> None:
    drain.update("one", "one")
    drain.update("one", "two", preview=True)
    assert not drain.mark.exists()


def test_a_drain_that_fails_is_reported_with_what_it_said_and_holds_nothing_up(drain: Drain) -> None:
    drain.update("one", "two", status=3)
    assert drain.warnings == ["warning: worker: not drained, what it holds is computed again: worker 3"]


def test_a_scheduler_that_is_gone_has_nothing_to_lose(drain: Drain) -> None:
    drain.host.manager.stop("scheduler")
    drain.update("one", "two")
    assert not drain.mark.exists()
    assert drain.warnings == ["warning: worker: not drained, what it holds is computed again: scheduler is not up"]


def test_a_readiness_check_that_goes_drains_what_it_checks_and_others_drain_nothing(drain: Drain) -> None:
    inputs = drain.host.readiness(drain.worker)
    READY.delete(drain.host.call(inputs))
    assert not drain.mark.exists()
    READY.delete(drain.host.call(inputs | {"drain": drain.spec(), "drainConnection": HERE}))
    assert drain.mark.read_text() == "scheduler by the scheduler worker 0"
