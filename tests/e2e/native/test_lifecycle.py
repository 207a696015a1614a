"""What is of native processes alone: their supervisor, and stacks side by side."""

import os
import signal

import psutil

from tests.e2e.clients import documents, listening, workers, write_documents
from tests.harness.project import Project, Stack

PROCESSES = ("mongod", "scheduler", "worker-desktop", "frontend")


def _now(stack: Stack, process: str) -> int:
    """The pid of a process as its supervisor's pid file says; 0 while that is being written."""
    return int((stack.stack_dir / "run" / f"{process}.pid").read_text() or 0)


def test_everything_listens_on_loopback_only(desktop: Stack) -> None:
    ours = {process.pid for process in desktop.project.processes()}
    places = {
        connection.laddr.ip
        for connection in psutil.net_connections("inet")
        if connection.pid in ours and connection.status == psutil.CONN_LISTEN and connection.laddr
    }
    assert places == {"127.0.0.1"}


def test_one_up_heals_everything_killed_at_once_supervisor_included(desktop: Stack) -> None:
    write_documents(desktop, 200)
    before = desktop.runs()
    pids = [int(path.read_text()) for path in (desktop.stack_dir / "run").glob("*.pid")]
    assert len(pids) == len(PROCESSES) + 1
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    desktop.up()
    assert len(workers(desktop)) == 2, "when up returns, not some time later"
    assert documents(desktop) == 200
    assert not set(before.values()) & set(desktop.runs().values())


def test_one_up_heals_a_killed_supervisor_whose_processes_live_on(desktop: Stack) -> None:
    write_documents(desktop, 50)
    log = desktop.stack_dir / "log" / "mongod.log"
    before = len(log.read_text())
    os.kill(_now(desktop, "supervisord"), signal.SIGKILL)
    desktop.up()
    output = log.read_text()[before:]
    assert "Waiting for connections" in output
    assert "unclean shutdown" not in output, "its processes were stopped in order, not killed"
    assert len(workers(desktop)) == 2
    assert documents(desktop) == 50
    desktop.expect_unchanged()


def test_a_second_stack_stands_beside_the_first_and_may_not_take_its_ports(project: Project, desktop: Stack) -> None:
    second = Stack(project, "second")
    own = second.ports()
    second.move_to(*desktop.ports())
    second.write()
    output = second.refused_up()
    for path, port in zip(
        ("database.port", "pool.port", "pool.dashboard", "frontend.port"), desktop.ports(), strict=True
    ):
        assert f"mspass:cluster.{path}: port {port} is held by" in output
    assert "of stack 'desktop'" in output
    second.move_to(*own)
    second.write()
    second.up()
    assert listening([*own, *desktop.ports()]) == {*own, *desktop.ports()}
    second.destroy()
    assert listening([*own, *desktop.ports()]) == set(desktop.ports())
    desktop.expect_unchanged()


def test_what_nobody_serves_meanwhile_is_announced_before_it_restarts(desktop: Stack) -> None:
    before = desktop.runs()
    desktop.cluster["database"]["cache"] = "300MiB"
    desktop.write()
    ran = desktop.pulumi("preview")
    assert ran.returncode == 0, ran.stdout
    assert (
        "the database is not served while it restarts: for seconds as a rule, at most 120 and the start" in ran.stdout
    )
    assert desktop.runs() == before
    desktop.up()
    assert desktop.runs()["mongod"] != before["mongod"]
    assert "is not served" not in desktop.pulumi("preview").stdout
