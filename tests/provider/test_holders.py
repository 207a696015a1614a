"""Who holds the cores of a pool, by what its scheduler's page says."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from json import dumps
from typing import Any

import pytest

from mspass_stack.machines.local import LocalMachine
from mspass_stack.provider.probes.holders import holders
from mspass_stack.spec.probe import Probe
from tests.harness.ports import free_ports

NOON = datetime.now().astimezone().replace(hour=12, minute=3)


@contextmanager
def _page(text: str) -> Generator[Probe]:
    """A master's page with a text."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/json/" else 404)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Probe(kind="spark", address="127.0.0.1", port=server.server_port)
        server.shutdown()


def _application(name: str, cores: int, since: datetime = NOON) -> dict[str, Any]:
    return {"name": name, "cores": cores, "starttime": since.timestamp() * 1000}


@pytest.mark.parametrize(
    ("applications", "said"),
    [
        ([], "Spark: 0 of 6 cores held"),
        ([_application("notebook", 4)], "Spark: 4 of 6 cores held by application 'notebook' since 12:03"),
        (
            [_application("b", 0, NOON + timedelta(minutes=3)), _application("a", 4)],
            "Spark: 4 of 6 cores held by application 'a' since 12:03; waiting: 'b' since 12:06",
        ),
        (
            [_application("a", 4), _application("b", 2)],
            "Spark: 6 of 6 cores held: 4 by application 'a' since 12:03, 2 by application 'b' since 12:03",
        ),
        (
            [_application("\x1b[2J", 1, datetime(2026, 1, 2, 3, 4).astimezone())],
            "Spark: 1 of 6 cores held by application '\\x1b[2J' since 2026-01-02 03:04",
        ),
    ],
    ids=["nobody", "one", "one waits", "two", "odd name, another day"],
)
def test_it_is_said_which_applications_hold_cores_and_which_wait(applications: list[Any], said: str) -> None:
    with _page(dumps({"cores": 6, "activeapps": applications})) as probe:
        assert str(holders(probe, LocalMachine())) == said


def test_programs_are_told_the_same() -> None:
    with _page(dumps({"cores": 6, "activeapps": [_application("a", 4)]})) as probe:
        found = holders(probe, LocalMachine())
    assert found
    assert found.dump() == {
        "kind": "Spark",
        "cores": 6,
        "applications": [{"name": "a", "cores": 4, "since": NOON.isoformat(timespec="microseconds")}],
    }


@pytest.mark.parametrize("text", ["", "<html>", "[]", "{}", '{"cores": 6, "activeapps": [{}]}'])
def test_a_page_that_says_something_else_is_nothing(text: str) -> None:
    with _page(text) as probe:
        assert holders(probe, LocalMachine()) is None


def test_a_master_that_is_away_and_a_scheduler_without_applications_are_nothing() -> None:
    (port,) = free_ports(1)
    assert holders(Probe(kind="spark", address="127.0.0.1", port=port), LocalMachine()) is None
    with _page("{}") as probe:
        assert holders(probe.model_copy(update={"kind": "dask-workers"}), LocalMachine()) is None
