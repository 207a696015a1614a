"""The way of a replica set to its declared members: one change at a time, new ones first."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymongo.write_concern import WriteConcern

from mspass_stack.errors import Refused
from mspass_stack.machines.local import LocalMachine
from mspass_stack.mongo import replica_set
from mspass_stack.mongo.replica_set import Member, ReplicaSet, next_config
from mspass_stack.polling import wait_until
from mspass_stack.provider.probes import probe
from mspass_stack.provider.resources.secret import FORMS
from mspass_stack.roles.mongodb import QUIESCE
from mspass_stack.spec.probe import Probe
from tests.harness.ports import free_ports
from tests.provider.conftest import Host

SETTINGS = {"electionTimeoutMillis": 10000}


def _config(*places: str) -> dict[str, Any]:
    members = [{"_id": id, "host": place, "priority": 1} for id, place in enumerate(places)]
    return {"_id": "a", "version": 7, "term": 3, "members": members, "settings": SETTINGS}


def _hosts(config: dict[str, Any]) -> list[str]:
    return [member["host"] for member in config["members"]]


def test_a_set_with_its_members_is_left_alone_in_whatever_order_they_are() -> None:
    assert next_config(_config("n1:1", "n2:1"), ["n2:1", "n1:1"]) is None


def test_a_new_member_comes_before_an_old_one_goes() -> None:
    first = next_config(_config("n1:1"), ["n2:1"])
    assert first
    assert _hosts(first) == ["n1:1", "n2:1"]
    second = next_config(first, ["n2:1"])
    assert second
    assert _hosts(second) == ["n2:1"]
    assert next_config(second, ["n2:1"]) is None


def test_one_member_changes_at_a_time() -> None:
    change = next_config(_config("n1:1"), ["n1:1", "n2:1", "n3:1"])
    assert change
    assert _hosts(change) == ["n1:1", "n2:1"]


def test_the_version_goes_up_by_one_and_everything_else_stays() -> None:
    config = _config("n1:1", "n2:1")
    change = next_config(config, ["n1:1"])
    assert change == config | {"version": 8, "members": config["members"][:1]}
    assert config == _config("n1:1", "n2:1"), "the old one is not touched"


def test_a_new_member_gets_a_number_that_no_other_has() -> None:
    config = _config("n1:1", "n2:1", "n3:1")
    del config["members"][1]
    change = next_config(config, ["n1:1", "n3:1", "n4:1"])
    assert change
    assert [member["_id"] for member in change["members"]] == [0, 2, 3]


PLACES = st.lists(st.sampled_from([f"n{i}:27018" for i in range(8)]), min_size=1, unique=True)


@given(before=PLACES, desired=PLACES)
def test_any_set_gets_to_any_other_by_single_steps_and_never_has_fewer_than_the_less(
    before: list[str], desired: list[str]
) -> None:
    config, steps = _config(*before), 0
    while change := next_config(config, desired):
        assert len({*_hosts(config)} ^ {*_hosts(change)}) == 1
        assert change["version"] == config["version"] + 1
        assert len({member["_id"] for member in change["members"]}) == len(change["members"])
        assert len(change["members"]) >= min(len(before), len(desired))
        config, steps = change, steps + 1
        assert steps <= len(before) + len(desired)
    assert {*_hosts(config)} == {*desired}
    assert steps == len({*before} ^ {*desired})


def test_a_set_is_written_as_mongodb_writes_it() -> None:
    members = (Member(LocalMachine(), "10.0.0.1", 27018), Member(LocalMachine(), "n2.lab", 27019))
    assert ReplicaSet("a", members, "key").seeds == "a/10.0.0.1:27018,n2.lab:27019"


DRAIN = "hangBeforeRSTLOnDrainComplete"
"""MongoDB's own fail point: a set has a primary, which takes no writes yet. On a busy machine that lasts a while."""


class Servers:
    """Members of set `a` on this machine, all with one key."""

    def __init__(self, host: Host) -> None:
        self.host, self.key = host, FORMS["keyfile"]()
        self._key_file = host.stack_dir / "keyfile"
        self._key_file.touch(mode=0o600)
        self._key_file.write_text(self.key)
        self._processes: dict[str, dict[str, Any]] = {}

    def start(self, name: str, *more: str) -> Member:
        port, data = free_ports(1)[0], self.host.stack_dir / name
        data.mkdir()
        words = ["--dbpath", data, "--port", port, "--bind_ip", "127.0.0.1", "--nounixsocket", "--replSet", "a"]
        words += ["--keyFile", self._key_file, *more]
        words += ["--setParameter", f"shutdownTimeoutMillisForSignaledShutdown={QUIESCE}"]
        self._processes[name] = self.host.process(name, "mongod", *map(str, words))
        self.host.ensure(self._processes[name])
        return Member(LocalMachine(), "127.0.0.1", port)

    def restart(self, name: str) -> None:
        self.host.manager.stop(name)
        self.host.ensure(self._processes[name])


def test_a_set_is_ready_when_its_primary_takes_writes_and_not_before(host: Host) -> None:
    servers = Servers(host)
    fails = f"failpoint.{DRAIN}={json.dumps({'mode': 'alwaysOn'})}"
    member = servers.start("mongod", "--setParameter", "enableTestCommands=1", "--setParameter", fails)
    replica_set = ReplicaSet("a", (member,), servers.key)
    with ThreadPoolExecutor() as pool, replica_set.client(member) as client:
        output: list[str] = []
        ready = pool.submit(replica_set.ensure, output.append)
        try:
            assert wait_until(lambda: ready.done() or "PRIMARY" in " ".join(output), 60), host.log("mongod")
            assert not ready.done()
        finally:
            assert wait_until(lambda: client.admin.command({"configureFailPoint": DRAIN, "mode": "off"}), 10)
        ready.result(60)
    with replica_set.primary() as client:
        client["test"]["test"].insert_one({})


def test_a_member_whose_peer_is_given_up_goes_on_with_what_it_has(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    servers, output = Servers(host), list[str]()
    staying, lost = servers.start("staying"), servers.start("lost")
    ReplicaSet("a", (staying, lost), servers.key).ensure(output.append)
    with ReplicaSet("a", (staying, lost), servers.key).primary() as client:
        kept = client["test"].get_collection("kept", write_concern=WriteConcern(2, j=True))
        kept.insert_one({"n": 1})
    host.manager.stop("lost")
    alone = ReplicaSet("a", (staying,), servers.key)
    with alone.client(staying) as client:
        assert wait_until(lambda: not client.admin.command("hello")["isWritablePrimary"], 60)
    monkeypatch.setattr(replica_set, "PRIMARY_TIMEOUT", 5)
    with pytest.raises(Refused, match="no primary yet"):
        alone.ensure(output.append)
    alone.ensure(output.append, given_up=True)
    with alone.primary() as client:
        assert client["test"]["kept"].count_documents({}) == 1
        config = client.admin.command("replSetGetConfig")["config"]
        assert [member["host"] for member in config["members"]] == [staying.place]
    assert f"replica set a: {lost.place} is given up" in output


def test_a_set_with_a_member_down_still_has_its_primary(host: Host) -> None:
    servers = Servers(host)
    member = servers.start("mongod")
    ready = Probe(kind="mongo-member", address="127.0.0.1", port=member.port)
    missing = "it knows of no replica set: its data are not there"
    assert wait_until(lambda: probe(ready, LocalMachine()) == missing, 60), host.log("mongod")
    ReplicaSet("a", (member,), servers.key).ensure(lambda text: None)
    assert probe(ready, LocalMachine()) is None
    down = Member(LocalMachine(), "127.0.0.1", free_ports(1)[0])
    with ReplicaSet("a", (down, member), servers.key).primary() as client:
        client["test"]["test"].insert_one({})
