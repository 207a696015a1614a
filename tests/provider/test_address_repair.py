"""When kept data are repaired before their start, when they are left alone, and a repair of real data."""

import json
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from mspass_stack.errors import Refused
from mspass_stack.machines.local import LocalMachine
from mspass_stack.mongo.replica_set import Member, ReplicaSet
from mspass_stack.polling import wait_until
from mspass_stack.provider.preflight.checks import OWN
from mspass_stack.provider.resources import address_repair
from mspass_stack.provider.resources.address_repair import note_of
from mspass_stack.provider.resources.base import Call
from mspass_stack.provider.resources.secret import FORMS
from mspass_stack.provider.server.registry import RESOURCES
from tests.harness.mongod import mongod_path
from tests.harness.ports import free_ports
from tests.provider.conftest import HERE, STACK_ID, Host

KIND = RESOURCES["AddressRepair"]
NAME = "addresses-configsvr-head@head"
SHARDS = {"a": "a/10.0.0.2:27018", "b": "b/10.0.0.3:27018,10.0.0.4:27018"}
MOVED = SHARDS | {"a": "a/10.0.0.99:27018"}

ASKED = """\
#!/bin/sh
shift 2
for word; do echo "$word"; done > "$(dirname "$0")/asked"
[ ! -e "$(dirname "$0")/fails" ] || { echo "the disk is full"; exit 1; }
"""
"""An interpreter that notes with which words the repair is started, and does nothing."""


class Data:
    """A directory of data of a config server on this machine, and an interpreter that only notes that it is asked."""

    def __init__(self, directory: Path) -> None:
        self.path, self.note = directory / "data_config", directory / "data_config.addresses"
        self.path.mkdir()
        own = directory / "bin"
        own.mkdir()
        self._python, self._asked, self.fails = own / "python", own / "asked", own / "fails"
        for program in (self._python, own / "mongod"):
            program.write_text(ASKED)
            program.chmod(0o755)
        self._mongod = own / "mongod"

    def fill(self, known: dict[str, str] | None = None) -> None:
        """Let there be data, and a note of the addresses in them."""
        (self.path / "WiredTiger").touch()
        if known:
            self.note.write_text(json.dumps(known))

    def call(self, addresses: dict[str, str], preview: bool = False) -> Call:
        inputs: dict[str, Any] = {
            "stack": "lab",
            "stackId": STACK_ID,
            "connection": HERE,
            "manager": "supervisord",
            "process": "configsvr-head",
            "host": "head",
            "stackDir": str(self.path.parent),
            "image": "",
            "user": "",
            "python": str(self._python),
            "data": str(self.path),
            "keyFile": "/the/keyfile",
            "replicaSet": "configserver",
            "addresses": addresses,
        }
        return Call(NAME, inputs, preview=preview)

    def ensure(self, addresses: dict[str, str]) -> None:
        assert KIND.create(self.call(addresses)) == (f"lab/addresses/{NAME}", {})

    @property
    def repaired(self) -> list[str]:
        """The words of the repair since it was last asked for; none where there was none."""
        words = self._asked.read_text().splitlines() if self._asked.exists() else []
        self._asked.unlink(missing_ok=True)
        return words[-5:]

    def words(self, addresses: dict[str, str]) -> list[str]:
        return [str(self._mongod), str(self.path), "configserver", "/the/keyfile", json.dumps(addresses)]

    @property
    def noted(self) -> dict[str, str]:
        return json.loads(self.note.read_text())


@pytest.fixture
def data(tmp_path: Path) -> Data:
    return Data(tmp_path)


def test_new_data_are_noted_and_not_repaired(data: Data) -> None:
    data.ensure(SHARDS)
    assert data.noted == SHARDS
    assert data.repaired == []


def test_data_that_name_the_same_addresses_are_left_alone(data: Data) -> None:
    data.fill(SHARDS)
    data.ensure(SHARDS)
    assert data.noted == SHARDS
    assert data.repaired == []


def test_data_that_name_another_address_of_a_peer_are_repaired_and_noted(data: Data) -> None:
    data.fill(SHARDS)
    data.ensure(MOVED)
    assert data.repaired == data.words(MOVED)
    assert data.noted == MOVED


def test_data_of_unknown_origin_are_repaired(data: Data) -> None:
    data.fill()
    data.ensure(SHARDS)
    assert data.repaired == data.words(SHARDS)


def test_a_note_that_cannot_be_read_is_no_note(data: Data) -> None:
    data.fill(SHARDS)
    data.note.write_text("{")
    data.ensure(SHARDS)
    assert data.repaired == data.words(SHARDS)


def test_a_repair_that_fails_is_reported_and_done_again_also_when_the_addresses_are_the_old_ones(data: Data) -> None:
    data.fill(SHARDS)
    data.fails.touch()
    with pytest.raises(Refused) as refused:
        data.ensure(MOVED)
    assert str(refused.value) == ("host 'head': configsvr-head: its data could not be repaired: the disk is full")
    assert data.repaired == data.words(MOVED)
    data.fails.unlink()
    data.ensure(SHARDS)
    assert data.repaired == data.words(SHARDS)
    assert data.noted == SHARDS


def test_a_peer_more_is_found_by_mongodb_itself(data: Data) -> None:
    data.fill({"a": SHARDS["a"]})
    data.ensure(SHARDS)
    assert data.noted == SHARDS
    assert data.repaired == []


@pytest.mark.parametrize("members", ["10.0.0.4:27018,10.0.0.5:27018", "10.0.0.4:27018"], ids=["another", "fewer"])
def test_a_peer_with_one_of_its_members_left_is_found_by_mongodb_itself(data: Data, members: str) -> None:
    data.fill(SHARDS)
    after = SHARDS | {"b": f"b/{members}"}
    data.ensure(after)
    assert data.noted == after
    assert data.repaired == []


def test_a_preview_touches_nothing(data: Data) -> None:
    data.fill(SHARDS)
    KIND.create(data.call(MOVED, preview=True))
    assert data.noted == SHARDS
    assert data.repaired == []


def test_the_note_is_beside_the_data_and_ours(data: Data) -> None:
    assert note_of(str(data.path)) == str(data.note)
    assert OWN.match(data.note.name)


def test_other_addresses_are_a_change_and_another_way_to_the_host_is_none(data: Data) -> None:
    old = data.call(SHARDS).inputs
    other = data.call(MOVED).inputs
    assert KIND.diff(Call(NAME, other, old_inputs=old)) == ["addresses"]
    assert KIND.diff(Call(NAME, old | {"connection": {"user": "other"}}, old_inputs=old)) == []


HELD = """
_free_port, _repair = free_port, repair


def free_port() -> int:
    taken = Path(DIRECTORY, "taken")
    if not taken.exists():
        return _free_port()
    port = int(taken.read_text())
    taken.unlink()
    return port


def repair(client: "Any", addresses: "Any") -> None:
    port, begun = client.address[1], Path(DIRECTORY, "begun")
    begun.with_suffix(".partial").write_text(str(port))
    begun.with_suffix(".partial").replace(begun)
    while not Path(DIRECTORY, "go").exists():
        time.sleep(0.05)
    _repair(client, addresses)


if __name__ == "__main__":
"""
"""The repair, held where its mongod takes writes until the file `go` is there; its first port is that of `taken`."""

OLD, NEW = "configserver/127.0.0.1:11", "configserver/127.0.0.1:12"


class Shard:
    """A running member of shard `a`, alone in its set, whose data name config servers that are gone."""

    def __init__(self, host: Host) -> None:
        self.host, key = host, FORMS["keyfile"]()
        self.data, self._key_file = host.stack_dir / "data_shard_a", host.stack_dir / "keyfile"
        self.data.mkdir()
        self._key_file.touch(mode=0o600)
        self._key_file.write_text(key)
        self.member = Member(LocalMachine(), "127.0.0.1", free_ports(1)[0])
        self.set = ReplicaSet("a", (self.member,), key)
        words = [mongod_path(), "--dbpath", self.data, "--port", self.member.port, "--bind_ip", "127.0.0.1"]
        # As a shard it would not start to listen without its config servers.
        words += ["--replSet", "a", "--keyFile", self._key_file, "--nounixsocket"]
        words += ["--setParameter", "skipShardingConfigurationChecks=true"]
        host.ensure(host.process("shard-a-here", *map(str, words)))
        self.set.ensure(lambda text: None)
        identity = {"_id": "shardIdentity", "shardName": "a", "clusterId": ObjectId(), "configsvrConnectionString": OLD}
        with self.set.primary() as client:
            client["admin"]["system.version"].insert_one(identity)
            client["a"]["wf"].insert_one({"_id": 1})

    def repair(self) -> None:
        inputs = {
            "connection": HERE,
            "manager": "supervisord",
            "process": "shard-a-here",
            "host": "here",
            "stackDir": str(self.host.stack_dir),
            "image": "",
            "user": "",
            "python": sys.executable,
            "data": str(self.data),
            "keyFile": str(self._key_file),
            "replicaSet": "a",
            "addresses": {"configserver": NEW},
        }
        KIND.create(self.host.call(inputs))


@pytest.fixture
def shard(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shard]:
    held = HELD.replace("DIRECTORY", repr(str(tmp_path)))
    program = tmp_path / "repair.py"
    main = '\nif __name__ == "__main__":\n'
    text = address_repair.PROGRAM.read_text()
    assert text.count(main) == 1
    program.write_text(text.replace(main, held))
    monkeypatch.setattr(address_repair, "PROGRAM", program)
    yield Shard(host)


def test_real_data_are_repaired_natively_and_nobody_gets_in_meanwhile_without_the_key(
    shard: Shard, tmp_path: Path
) -> None:
    begun, pid = tmp_path / "begun", shard.host.manager.incarnation("shard-a-here")
    with ThreadPoolExecutor(1) as pool, socket.create_server(("127.0.0.1", 0)) as taken:
        (tmp_path / "taken").write_text(str(taken.getsockname()[1]))
        repairing = pool.submit(shard.repair)
        try:
            assert wait_until(lambda: begun.exists() or repairing.done(), 60)
            assert not repairing.done(), "another process had the port first"
            assert shard.host.manager.incarnation("shard-a-here") == "", "its own mongod is halted"
            with MongoClient[dict[str, Any]]("127.0.0.1", int(begun.read_text()), directConnection=True) as stranger:
                assert stranger.admin.command("hello")["isWritablePrimary"]
                with pytest.raises(OperationFailure, match="requires authentication"):
                    stranger["a"]["wf"].find_one()
                with pytest.raises(OperationFailure, match="requires authentication"):
                    stranger.admin.command("createUser", "stranger", pwd="x", roles=["root"])
        finally:
            (tmp_path / "go").touch()
        repairing.result(60)
    assert shard.host.manager.incarnation("shard-a-here") not in ("", pid), "it goes on"
    # The set was renamed to the repair's own port; who ensures it renames it back.
    shard.set.ensure(lambda text: None)
    with shard.set.primary() as client:
        identity = client["admin"]["system.version"].find_one({"_id": "shardIdentity"})
        assert identity
        assert identity["configsvrConnectionString"] == NEW
        assert client["a"]["wf"].find_one() == {"_id": 1}
    assert json.loads(Path(note_of(str(shard.data))).read_text()) == {"configserver": NEW}
