"""The way of a replica set to its declared members: one change at a time, new ones first."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mspass_stack.machine import Here
from mspass_stack.provider.mongo.replica_set import Member, ReplicaSet, next_config

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
