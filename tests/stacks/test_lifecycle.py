"""The life of a desktop stack: up, unchanged, harmed, healed, changed, down, up again on the same data."""

import os
import signal
from pathlib import Path

import psutil
import pytest
from pymongo.errors import OperationFailure

from mspass_stack.provider.waiting import wait_until
from tests.harness.project import Project, Stack
from tests.stacks.looks import documents, listening, mongo, workers, write_documents

PROCESSES = ("mongod", "scheduler", "worker-desktop", "frontend")


def _workers(stack: Stack) -> int:
    return len(workers(stack.outputs()["schedulerAddress"]))


def _pid(incarnation: str) -> int:
    return int(incarnation.split("-", maxsplit=1)[0])


def _now(stack: Stack, process: str) -> int:
    """The pid of a process as its supervisor's pid file says; 0 while that is being written."""
    return int((stack.home / "run" / f"{process}.pid").read_text() or 0)


def test_a_second_up_changes_nothing(desktop: Stack) -> None:
    runs = desktop.runs()
    said = desktop.up()
    assert f"{desktop.counted()} unchanged" in said
    assert desktop.runs() == runs


def test_everything_listens_on_loopback_only(desktop: Stack) -> None:
    ours = {process.pid for process in desktop.project.processes()}
    places = {
        connection.laddr.ip
        for connection in psutil.net_connections("inet")
        if connection.pid in ours and connection.status == psutil.CONN_LISTEN and connection.laddr
    }
    assert places == {"127.0.0.1"}


def test_no_secret_is_in_a_command_line_a_log_or_the_state(desktop: Stack) -> None:
    outputs = desktop.outputs()
    password = str(outputs["databaseUri"]).split(":")[2].split("@")[0]
    token = str(outputs["jupyterUrl"]).split("token=")[1]
    key = (desktop.home / "secrets" / "keyfile").read_text()
    lines = [" ".join(process.cmdline()) for process in desktop.project.processes()]
    logs = [path.read_text(errors="replace") for path in (desktop.home / "log").iterdir()]
    state = [
        path.read_text(errors="replace") for path in (desktop.project.path / ".state").rglob("*") if path.is_file()
    ]
    assert lines and logs and state
    for secret in (password, token, key):
        assert not [text[:200] for text in (*lines, *logs, *state) if secret in text]


@pytest.mark.parametrize("process", PROCESSES)
def test_a_killed_process_is_back_in_seconds_and_the_next_up_agrees(desktop: Stack, process: str) -> None:
    write_documents(desktop, 100)
    killed = _now(desktop, process)
    os.kill(killed, signal.SIGKILL)
    assert wait_until(lambda: _now(desktop, process) not in (killed, 0), 10)
    desktop.up()
    assert _pid(desktop.runs()[process]) == _now(desktop, process)
    assert _workers(desktop) == 2
    assert documents(desktop) == 100


def test_one_up_heals_everything_killed_at_once_supervisor_included(desktop: Stack) -> None:
    write_documents(desktop, 200)
    before = desktop.runs()
    pids = [int(path.read_text()) for path in (desktop.home / "run").glob("*.pid")]
    assert len(pids) == len(PROCESSES) + 1
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    desktop.up()
    assert _workers(desktop) == 2, "when up returns, not some time later"
    assert documents(desktop) == 200
    assert not set(before.values()) & set(desktop.runs().values())


def test_one_up_heals_a_killed_supervisor_whose_processes_live_on(desktop: Stack) -> None:
    write_documents(desktop, 50)
    log = desktop.home / "log" / "mongod.log"
    before = len(log.read_text())
    os.kill(_now(desktop, "supervisord"), signal.SIGKILL)
    desktop.up()
    said = log.read_text()[before:]
    assert "Waiting for connections" in said
    assert "unclean shutdown" not in said, "its processes were stopped in order, not killed"
    assert _workers(desktop) == 2
    assert documents(desktop) == 50
    assert "unchanged" in desktop.up()


def test_a_change_of_the_workers_replaces_the_worker_only(desktop: Stack) -> None:
    before = desktop.runs()
    desktop.cluster["pool"]["workers"]["desktop"] = {"processes": 1, "memory": "1GiB"}
    desktop.write()
    desktop.up()
    after = desktop.runs()
    assert {name for name in PROCESSES if before[name] != after[name]} == {"worker-desktop"}
    limits = [worker["memory_limit"] for worker in workers(desktop.outputs()["schedulerAddress"])]
    assert limits == [1024**3]
    desktop.cluster["pool"]["workers"]["desktop"] = {"processes": 2, "memory": "2GiB"}
    desktop.write()
    desktop.up()


def test_an_up_that_cannot_work_is_refused_before_anything_is_touched(desktop: Stack) -> None:
    before = desktop.runs()
    good = dict(desktop.cluster["frontend"])
    desktop.cluster["frontend"] = {"host": "laptop"}
    desktop.write()
    said = desktop.refused_up()
    assert "mspass:cluster.frontend.host: unknown host 'laptop' (hosts: desktop)" in said
    assert "Traceback" not in said
    desktop.cluster["frontend"] = good
    desktop.write()
    assert "unchanged" in desktop.up()
    assert desktop.runs() == before


def test_a_second_stack_stands_beside_the_first_and_may_not_take_its_ports(project: Project, desktop: Stack) -> None:
    second = Stack(project, "second")
    own = second.ports()
    second.move_to(*desktop.ports())
    second.write()
    said = second.refused_up()
    for path, port in zip(
        ("database.port", "pool.port", "pool.dashboard", "frontend.port"), desktop.ports(), strict=True
    ):
        assert f"mspass:cluster.{path}: port {port} is held by" in said
    assert "of stack 'desktop'" in said
    second.move_to(*own)
    second.write()
    second.up()
    assert listening([*own, *desktop.ports()]) == {*own, *desktop.ports()}
    second.destroy()
    assert listening([*own, *desktop.ports()]) == set(desktop.ports())
    assert "unchanged" in desktop.up()


def test_destroy_leaves_the_data_and_nothing_else_and_new_secrets_open_them(project: Project, desktop: Stack) -> None:
    write_documents(desktop, 300)
    old_uri = desktop.outputs()["databaseUri"]
    notebook = project.path / "work" / "mine.ipynb"
    notebook.write_text("{}")
    desktop.destroy()
    assert wait_until(lambda: not project.processes(), 10), project.processes()
    assert listening(desktop.ports()) == set()
    assert _leftovers(desktop.home) == {"db", "db-version", "log", "scratch"}
    assert '"exitCode":0' in (desktop.home / "log" / "mongod.log").read_text().splitlines()[-1]
    assert notebook.read_text() == "{}"
    desktop.up()
    assert desktop.outputs()["databaseUri"] != old_uri
    assert documents(desktop) == 300
    with mongo(old_uri) as client, pytest.raises(OperationFailure):
        client["kept"]["documents"].find_one()
    desktop.destroy()
    assert wait_until(lambda: not project.processes(), 10), project.processes()


def _leftovers(home: Path) -> set[str]:
    """What a destroyed stack's folder holds; folders of data and logs, no socket, no secret."""
    assert not [path for path in home.rglob("*") if path.is_socket()]
    return {path.name for path in home.iterdir()}
