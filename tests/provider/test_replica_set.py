"""The way of a replica set to its declared members: one change at a time, new ones first."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mspass_stack.machine import Here
from mspass_stack.provider.mongo.client import internal
from mspass_stack.provider.mongo.replica_set import Member, ReplicaSet, next_config
from mspass_stack.provider.secret import FORMS
from mspass_stack.provider.waiting import wait_until
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


@given(before=PLACES, wished=PLACES)
def test_any_set_gets_to_any_other_by_single_steps_and_never_has_fewer_than_the_less(
    before: list[str], wished: list[str]
) -> None:
    config, steps = _config(*before), 0
    while change := next_config(config, wished):
        assert len({*_hosts(config)} ^ {*_hosts(change)}) == 1
        assert change["version"] == config["version"] + 1
        assert len({member["_id"] for member in change["members"]}) == len(change["members"])
        assert len(change["members"]) >= min(len(before), len(wished))
        config, steps = change, steps + 1
        assert steps <= len(before) + len(wished)
    assert {*_hosts(config)} == {*wished}
    assert steps == len({*before} ^ {*wished})


def test_a_set_is_written_as_mongodb_writes_it() -> None:
    members = (Member(Here(), "10.0.0.1", 27018), Member(Here(), "n2.lab", 27019))
    assert ReplicaSet("a", members, "key").seeds == "a/10.0.0.1:27018,n2.lab:27019"


DRAIN = "hangBeforeRSTLOnDrainComplete"
"""MongoDB's own fail point: a set has a primary, which takes no writes yet. On a busy machine that lasts a while."""


def test_a_set_is_ready_when_its_primary_takes_writes_and_not_before(host: Host) -> None:
    port, key, data = free_ports(1)[0], host.home / "keyfile", host.home / "db"
    data.mkdir()
    key.touch(mode=0o600)
    key.write_text(FORMS["keyfile"]())
    words = ["--dbpath", data, "--port", port, "--bind_ip", "127.0.0.1", "--nounixsocket", "--keyFile", key]
    fails = f"failpoint.{DRAIN}={json.dumps({'mode': 'alwaysOn'})}"
    words += ["--replSet", "a", "--setParameter", "enableTestCommands=1", "--setParameter", fails]
    host.ensure(host.process("mongod", "mongod", *map(str, words)))
    replica_set = ReplicaSet("a", (Member(Here(), "127.0.0.1", port),), key.read_text())
    with ThreadPoolExecutor() as pool, internal(Here(), "127.0.0.1", port, key.read_text()) as client:
        said: list[str] = []
        ready = pool.submit(replica_set.ensure, said.append)
        try:
            assert wait_until(lambda: ready.done() or "PRIMARY" in " ".join(said), 60), host.log("mongod")
            assert not ready.done()
        finally:
            assert wait_until(lambda: client.admin.command({"configureFailPoint": DRAIN, "mode": "off"}), 10)
        ready.result(60)
    with replica_set.primary() as client:
        client["test"]["test"].insert_one({})
