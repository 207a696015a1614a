"""Servers are held while they are copied, and freed whatever becomes of who asked."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from pymongo import MongoClient

from mspass_stack.agent import settings, tree_copy
from mspass_stack.agent.data_step import NO_DATA
from mspass_stack.machines.bundle import ensure_bundle
from mspass_stack.mongo import write_lock
from mspass_stack.mongo.client import Client, Here, internal
from mspass_stack.polling import wait_until
from tests.harness.mongod import mongod_path
from tests.harness.ports import free_ports
from tests.provider.conftest import Host
from tests.provider.test_mongo import Server


class Holder:
    """The program, and who asks it."""

    def __init__(self, place: Path, server: Server) -> None:
        self.place, self.beat = place, 0
        place.mkdir()
        spec = {"key_file": str(server.key_file), "authority": "", "server": ["127.0.0.1", server.port]}
        (place / "spec.json").write_text(json.dumps(spec))
        self.program = place / "ensure.pyz"
        self.program.write_bytes(ensure_bundle())
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, what: str = "hold", longest: float = 600, silence: float = 600) -> None:
        self.ask(what, longest, silence)
        (self.place / "locked.json").unlink(missing_ok=True)
        self.process = subprocess.Popen([sys.executable, self.program, self.place, "lock"])

    def ask(self, what: str, longest: float = 600, silence: float = 600) -> None:
        self.beat += 1
        known = {"id": "1", "what": what, "beat": self.beat, "longest": longest, "silence": silence}
        settings.write(self.place / "lock.json", json.dumps(known))

    @property
    def answer(self) -> dict[str, Any]:
        try:
            return dict(json.loads((self.place / "locked.json").read_text()))
        except OSError:
            return {}

    def is_locked(self) -> bool:
        # An error says that they are free.
        return self.answer.get("state") == "locked" and "error" not in self.answer

    def ended(self) -> dict[str, Any]:
        assert self.process
        self.process.wait(60)
        return self.answer


@pytest.fixture
def server(host: Host) -> Server:
    return Server(host)


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with internal(Here(), "127.0.0.1", server.port, server.key_file.read_text(), "") as client:
        yield client


@pytest.fixture
def holder(tmp_path: Path, server: Server) -> Iterator[Holder]:
    holder = Holder(tmp_path / "ensure", server)
    yield holder
    if holder.process and holder.process.poll() is None:
        holder.process.kill()
        holder.process.wait()


def _write(client: Client, number: int) -> Thread:
    """Begin a write, which waits as long as its server is held."""
    thread = Thread(target=lambda: client["a"]["b"].insert_one({"_id": number}), daemon=True)
    thread.start()
    return thread


def test_what_is_copied_meanwhile_is_a_database_of_that_moment(
    holder: Holder, server: Server, client: Client, tmp_path: Path
) -> None:
    client["a"]["b"].insert_many([{"_id": number} for number in range(1000)])
    before = time.time()
    holder.start()
    assert wait_until(holder.is_locked, 30, 0.05), holder.answer
    assert before <= holder.answer["when"] <= time.time()
    waiting = _write(client, 1000)
    copy = tmp_path / "copy"
    tree_copy.copy(server.host.stack_dir / "db", copy, NO_DATA)
    assert waiting.is_alive()
    assert not {name.name for name in copy.iterdir()} & {*NO_DATA}
    holder.ask("free")
    answer = holder.ended()
    assert (answer["state"], answer["error"]) == ("free", "")
    assert 0 < answer["pause"] < 30
    waiting.join(30)
    assert client["a"]["b"].count_documents({}) == 1001
    port = free_ports(1)[0]
    words = ["--dbpath", copy, "--port", port, "--bind_ip", "127.0.0.1", "--nounixsocket"]
    with subprocess.Popen([mongod_path(), *map(str, words)], stdout=subprocess.DEVNULL) as other:
        try:
            with MongoClient[dict[str, Any]]("127.0.0.1", port, serverSelectionTimeoutMS=60_000) as brought:
                assert brought["a"]["b"].count_documents({}) == 1000
        finally:
            other.terminate()


@pytest.mark.parametrize(
    ("limits", "number", "why"),
    [
        ({"longest": 0.5}, 0, "it took too long"),
        ({"silence": 0.5}, 0, "the job has said nothing for"),
        ({}, signal.SIGTERM, "it was told to end"),
    ],
)
def test_whatever_becomes_of_who_asked_writes_go_on(
    client: Client, holder: Holder, limits: dict[str, Any], number: int, why: str
) -> None:
    holder.start(**limits)
    if number:
        assert wait_until(holder.is_locked, 30, 0.05), holder.answer
        assert holder.process
        holder.process.send_signal(number)
    assert why in holder.ended()["error"]
    client["a"]["b"].insert_one({})
    assert not client.admin.command("currentOp").get("fsyncLock")


def test_a_holder_that_was_killed_is_followed_by_one_that_frees(client: Client, holder: Holder) -> None:
    holder.start()
    assert wait_until(holder.is_locked, 30, 0.05), holder.answer
    assert holder.process
    holder.process.kill()
    holder.process.wait()
    assert client.admin.command("currentOp")["fsyncLock"]
    waiting = _write(client, 1)
    holder.start("free")
    assert holder.ended()["error"] == ""
    waiting.join(30)
    assert client["a"]["b"].count_documents({}) == 1


def test_a_server_that_was_not_held_to_the_end_gives_no_copy(client: Client, holder: Holder) -> None:
    holder.start()
    assert wait_until(holder.is_locked, 30, 0.05), holder.answer
    assert write_lock.free(client)
    holder.ask("free")
    assert holder.ended()["error"] == "a server was not held to the end"
