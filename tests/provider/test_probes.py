"""Probes over HTTP: what is ready, and what is still missing where it is not."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from mspass_stack.machines.local import LocalMachine
from mspass_stack.provider.probes import probe
from mspass_stack.provider.resources.base import Call
from mspass_stack.provider.resources.certificate import Certificate, CertificateAuthority
from mspass_stack.spec.probe import Probe
from tests.harness.ports import free_ports

TOKEN = "the token"

Answer = Callable[[str, str | None], tuple[int, str]]
"""Status and text of a page, by its path and the request's Authorization."""


class Pages:
    """A server of pages, and what a probe says of it."""

    def __init__(self, directory: Path) -> None:
        self.answer: Answer = lambda path, authorization: (404, "")
        self.token_file = directory / "token"
        self.token_file.write_text(TOKEN)
        pages = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, text = pages.answer(self.path, self.headers["Authorization"])
                self.send_response(status)
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def probe(self, kind: str = "http", authority: str = "", **more: Any) -> str | None:
        fields: dict[str, Any] = {
            "kind": kind,
            "address": "127.0.0.1",
            "port": self.server.server_port,
            "path": "/page",
            **more,
        }
        return probe(Probe.model_validate(fields), LocalMachine(), authority)

    def probe_with_token(self) -> str | None:
        return self.probe(token_file=str(self.token_file))


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    pages = Pages(tmp_path)
    serving = threading.Thread(target=pages.server.serve_forever)
    serving.start()
    yield pages
    pages.server.shutdown()
    pages.server.server_close()
    serving.join()


def _guarded(refusal: int) -> Answer:
    return lambda path, authorization: (200, "in") if authorization == f"token {TOKEN}" else (refusal, "")


def test_a_page_that_answers_is_ready(pages: Pages) -> None:
    pages.answer = lambda path, authorization: (200, "anything") if path == "/page" else (404, "")
    assert pages.probe() is None
    assert pages.probe(path="/other") == "its page says 404 Not Found"


def test_a_page_with_another_text_than_the_expected_one_is_not_ready(pages: Pages) -> None:
    pages.answer = lambda path, authorization: (200, "closing")
    assert pages.probe(expected="ok") == "its page /page does not say ok"
    pages.answer = lambda path, authorization: (200, "ok")
    assert pages.probe(expected="ok") is None


@pytest.mark.parametrize("refusal", [401, 403])
def test_a_page_that_opens_with_its_token_only_is_ready(pages: Pages, refusal: int) -> None:
    pages.answer = _guarded(refusal)
    assert pages.probe_with_token() is None


def test_a_page_that_opens_without_its_token_is_not_ready(pages: Pages) -> None:
    pages.answer = lambda path, authorization: (200, "in")
    assert pages.probe_with_token() == (
        "its page opens without its token: a configuration that it reads has switched that off"
    )


def test_a_page_that_does_not_take_its_token_is_not_ready(pages: Pages) -> None:
    pages.answer = lambda path, authorization: (403, "")
    assert pages.probe_with_token() == "its page says 403 Forbidden"


def test_a_page_that_fails_without_its_token_does_not_count_as_guarded(pages: Pages) -> None:
    pages.answer = _guarded(500)
    assert pages.probe_with_token() == "its page says 500 Internal Server Error"


def test_a_token_that_is_not_there_is_reported(pages: Pages) -> None:
    pages.answer = _guarded(403)
    pages.token_file.unlink()
    assert str(pages.token_file) in (pages.probe_with_token() or "")


def test_a_pool_is_ready_when_the_scheduler_counts_its_own_workers_and_no_others(pages: Pages) -> None:
    names = ["worker-n1-0", "worker-n1-1", "worker-n10-0"]
    workers = {f"tcp://10.0.0.1:{port}": {"name": name} for port, name in enumerate(names)}
    pages.answer = lambda path, authorization: (200, json.dumps({"workers": workers}))
    assert pages.probe("dask-workers", name="worker-n1", count=2) is None
    assert pages.probe("dask-workers", name="worker-n1", count=3) == "the scheduler counts 2 of 3 workers"
    assert pages.probe("dask-workers", name="worker-n1-0", count=1) is None


def test_a_pool_has_as_many_workers_as_its_node_has_said(pages: Pages, tmp_path: Path) -> None:
    workers = {f"tcp://10.0.0.1:{port}": {"name": f"worker-n1-{port}"} for port in range(2)}
    pages.answer = lambda path, authorization: (200, json.dumps({"workers": workers}))
    asked: dict[str, Any] = {"name": "worker-n1", "size_file": str(tmp_path / "worker-n1.size")}
    assert pages.probe("dask-workers", **asked) == "its node has not said how many workers it has"
    for number, missing in ((3, "the scheduler counts 2 of 3 workers"), (2, None)):
        Path(asked["size_file"]).write_text(json.dumps({"workers": number}))
        assert pages.probe("dask-workers", **asked) == missing


def test_a_spark_master_is_ready_when_it_serves(pages: Pages) -> None:
    for status, missing in (("ALIVE", None), ("RECOVERING", "the master is RECOVERING")):
        pages.answer = lambda path, authorization, status=status: (200, json.dumps({"status": status}))
        assert pages.probe("spark") == missing


def test_a_spark_worker_is_ready_when_its_master_has_it_at_its_place_with_all_that_it_offers(pages: Pages) -> None:
    gone = {"host": "10.0.0.2", "port": 7078, "state": "DEAD", "cores": 4, "memory": 2048}
    workers = [gone, {**gone, "state": "ALIVE", "cores": 2}, {**gone, "host": "10.0.0.20", "state": "ALIVE"}]
    pages.answer = lambda path, authorization: (200, json.dumps({"workers": workers}))
    asked = {"name": "10.0.0.2:7078", "expected": "4 cores, 2048 MiB"}
    counted = "the master counts 2 cores, 2048 MiB of 4 cores, 2048 MiB"
    assert pages.probe("spark-workers", **asked) == counted
    workers[1]["cores"] = 4
    assert pages.probe("spark-workers", **asked) is None
    workers[1]["state"] = "DECOMMISSIONED"
    assert pages.probe("spark-workers", **asked) == "the master has no such worker"


def test_what_is_no_answer_of_a_scheduler_is_reported(pages: Pages) -> None:
    pages.answer = lambda path, authorization: (200, "<html>")
    assert (pages.probe("dask-workers", name="w", count=1) or "").startswith("JSONDecodeError: ")


@pytest.mark.parametrize("kind", ["http", "dask-workers", "spark", "spark-workers"])
def test_where_nobody_listens_there_is_no_answer(kind: str) -> None:
    nobody = Probe(kind=kind, address="127.0.0.1", port=free_ports(1)[0], path="/")
    assert probe(nobody, LocalMachine()) == "no answer"


def test_a_page_by_https_is_ready_for_whoever_knows_who_signs_its_certificate(pages: Pages, tmp_path: Path) -> None:
    pages.answer = _guarded(403)
    _, authority = CertificateAuthority().create(Call("ca", {"stack": "s"}))
    signing = {"authority": authority["certificate"], "authorityKey": authority["signer"], "names": ["127.0.0.1"]}
    _, signed = Certificate().create(Call("certificate", signing))
    own = tmp_path / "own.pem"
    own.write_text(signed["pem"])
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(own)
    pages.server.socket = context.wrap_socket(pages.server.socket, server_side=True)
    asked: dict[str, Any] = {"kind": "https", "token_file": str(pages.token_file)}
    assert pages.probe(**asked, authority=authority["certificate"]) is None
    _, foreign = CertificateAuthority().create(Call("ca", {"stack": "another"}))
    assert "certificate verify failed" in str(pages.probe(**asked, authority=foreign["certificate"]))
