"""`mspass-stack connect`: what it prints, and that a host that was cut off is told of and tried until it is back."""

import socket
from collections.abc import Iterable, Iterator
from threading import Event, Thread

import pytest

from mspass_stack.cli import connect, entrances
from mspass_stack.cli.entrances import Entrance
from mspass_stack.cli.job import JobView
from mspass_stack.errors import NoJob, Unreachable
from mspass_stack.spec.connection import ConnectionSpec

HERE, THERE = ConnectionSpec(host="me"), ConnectionSpec(host="head", address="10.0.0.1")
DATABASE = "mongodb://mspass:secret@10.0.0.1:27017/?authSource=admin&tls=true&tlsCAFile=%2Fca.pem&appName=mspass"


class Far:
    """A host that answers but for some looks, which are named by their number."""

    def __init__(self, *cut: int, error: Exception | None = None) -> None:
        self.looks, self.cut = 0, cut
        self.error = error or Unreachable(f"{THERE}: the connection broke")

    def forward(self, address: str, port: int) -> tuple[str, int]:
        return "127.0.0.1", port + 1

    def look(self) -> None:
        self.looks += 1
        if self.looks in self.cut:
            raise self.error


def _entrance(label: str, url: str, where: ConnectionSpec = THERE, port: int = 8888) -> Entrance:
    return Entrance(label, url, where, "127.0.0.1", port, inside=where.remote)


@pytest.fixture
def far(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Far]:
    far = Far(*getattr(request, "param", ()))

    def reached(_: ConnectionSpec) -> Far:
        return far

    for module in (connect, entrances):
        monkeypatch.setattr(module, "machine", reached)
    for name in ("PAUSE", "JOB_PAUSE", "FIRST_RETRY", "LAST_RETRY"):
        monkeypatch.setattr(connect, name, getattr(connect, name) / 100)
    yield far


def _said(found: list[Entrance], until: str, jobs: Iterable[JobView | None] = ()) -> list[str]:
    """What it says until something is said.

    Args:
        jobs: how the job is at each look at it.
    """
    said, ended, heard = list[str](), Event(), Event()
    views = iter(jobs)

    def say(line: str) -> None:
        said.append(line)
        if until in line:
            heard.set()

    running = Thread(target=connect.connect, args=(found, say, ended, lambda: next(views, None)))
    running.start()
    assert heard.wait(10), said
    ended.set()
    running.join(10)
    assert not running.is_alive()
    return said


def test_each_url_is_of_this_machine(far: Far) -> None:
    found = [
        _entrance("Jupyter", "http://127.0.0.1:8888/lab?token=t"),
        _entrance("Dask's pages", "http://127.0.0.1:8787/status", port=8787),
        _entrance("Database", DATABASE, port=27017),
        _entrance("Scheduler", "tls://10.0.0.1:8786", port=8786),
    ]
    *lines, hint, last = _said(found, "Ctrl-C")
    assert lines == [
        "Jupyter:      http://127.0.0.1:8889/lab?token=t",
        "Dask's pages: http://127.0.0.1:8788/status",
        f"Database:     {DATABASE.replace('10.0.0.1:27017', '127.0.0.1:27018')}",
        "Scheduler:    tls://127.0.0.1:8787",
    ]
    assert "mongosh and Compass" in hint
    assert "Client()" in hint
    assert last == "Open until Ctrl-C."


def test_without_the_database_nothing_is_said_of_it(far: Far) -> None:
    assert _said([_entrance("Jupyter", "http://127.0.0.1:8888/lab")], "Ctrl-C")[1:] == ["Open until Ctrl-C."]


@pytest.mark.parametrize("far", [(3, 4)], indirect=True)
def test_a_host_that_was_cut_off_is_told_of_once_and_again_when_it_is_back(far: Far) -> None:
    _, *said = _said([_entrance("Jupyter", "http://127.0.0.1:8888/lab")], "is back")
    assert said == [
        "Open until Ctrl-C.",
        "host 'head' (10.0.0.1): the connection broke; it is tried again",
        "host 'head' (10.0.0.1) is back",
    ]
    assert far.looks == 5


NODE = ConnectionSpec(host="node0", job="/d")
OVER = JobView(id="7", state="STOPPED", end="2026-11-27 03:00:00", is_over=True)
WAITS = JobView(id="8", state="PENDING", why="Resources", start="N/A")
RUNS = JobView(
    id="8", state="RUNNING", nodes={"node0": "n4"}, start="2026-11-27T03:10:00", left="29:50", node_hours=0.1
)


@pytest.mark.parametrize("far", [(2, 3, 4, 5)], indirect=True)
def test_what_becomes_of_a_job_is_told_once_until_the_next_one_runs(far: Far) -> None:
    far.error = NoJob("no job")
    _, *said = _said(
        [_entrance("Jupyter", "http://127.0.0.1:8888/lab", NODE)], "RUNNING", [OVER, OVER, WAITS, WAITS, RUNS]
    )
    assert said == [
        "Open until Ctrl-C.",
        "job 7 ended: STOPPED at 2026-11-27 03:00:00; pulumi up submits another",
        "job 8 PENDING: Resources, no estimate of its start",
        "job 8 RUNNING on n4 since 2026-11-27 03:10:00, 29:50 left, 0.1 node-hours: "
        "what is open leads there, as soon as its processes have started",
    ]


@pytest.mark.parametrize("far", [(1, 2)], indirect=True)
def test_a_job_that_does_not_run_at_the_beginning_is_waited_for(far: Far) -> None:
    far.error = NoJob("no job")
    said = _said([_entrance("Jupyter", "http://127.0.0.1:8888/lab", NODE)], "RUNNING", [WAITS, RUNS])
    assert [line.partition(":")[0] for line in said] == [
        "Jupyter",
        "Open until Ctrl-C.",
        "job 8 PENDING",
        "job 8 RUNNING on n4 since 2026-11-27 03",
    ]


@pytest.mark.parametrize("far", [(1,)], indirect=True)
def test_a_host_that_does_not_answer_at_the_beginning_is_an_error(far: Far) -> None:
    with pytest.raises(Unreachable, match="host 'head'"):
        connect.connect([_entrance("Jupyter", "http://127.0.0.1:8888/lab")], print, Event())


def test_a_stack_without_pages_is_told_what_there_is() -> None:
    said = list[str]()
    connect.connect([], said.append, Event())
    assert said == ["It has no pages: --all opens the database."]


def test_what_is_on_this_machine_needs_no_way_and_no_wait() -> None:
    with socket.create_server(("127.0.0.1", 0)) as jupyter:
        port = int(jupyter.getsockname()[1])
        url, said = f"http://127.0.0.1:{port}/lab", list[str]()
        connect.connect([_entrance("Jupyter", url, HERE, port)], said.append, Event())
    assert said == [f"Jupyter: {url}", "All of it is on this machine: there is nothing to keep open."]
