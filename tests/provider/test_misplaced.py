"""An edit that would take a shard from under its data is refused in the preview, with the ways to do it."""

from typing import Any

import pytest

from mspass_stack.provider.edit import left_behind, misplaced, strangers, switched
from mspass_stack.provider.registry import RESOURCES
from mspass_stack.provider.resource import Call, Refused

Shards = dict[str, dict[str, int]]

NATIVE = {"engine": ""}

UP: Shards = {"a": {"n1": 27018}, "b": {"n2": 27018}}

FINE: dict[str, tuple[Shards, Shards, list[str]]] = {
    "the first up": ({}, UP, []),
    "nothing changed": (UP, UP, []),
    "a shard more": (UP, UP | {"c": {"n1": 27019}}, []),
    "a shard less": (UP, {"a": {"n1": 27018}}, []),
    "a host more for a shard": (UP, UP | {"a": {"n1": 27018, "n3": 27018}}, []),
    "a host less for a shard": ({"a": {"n1": 27018, "n2": 27018}}, {"a": {"n2": 27018}}, []),
    "a member moved, another stays": ({"a": {"n1": 27018, "n2": 27018}}, {"a": {"n2": 27018, "n3": 27018}}, []),
    "the shards in another order": (UP, {"b": {"n2": 27018}, "a": {"n1": 27018}}, []),
    "a host without shards given up": (UP, UP, ["n9"]),
    "one of two members given up": ({"a": {"n1": 27018, "n2": 27018}}, {"a": {"n2": 27018}}, ["n1"]),
    "a shard taken away whose other member is still there": (
        {"a": {"n1": 27018, "n2": 27018}, "b": {"n3": 27018}},
        {"b": {"n3": 27018}},
        ["n1"],
    ),
}


@pytest.mark.parametrize("case", FINE)
def test_what_loses_nothing_is_let_through(case: str) -> None:
    assert list(misplaced(*FINE[case])) == []


def test_a_shard_that_moves_is_told_both_ways_to_do_it() -> None:
    assert list(misplaced(UP, UP | {"a": {"n3": 27018, "n4": 27018}}, [])) == [
        "mspass:cluster.database.shards.a: a shard does not move from 'n1' to 'n3' and 'n4' by an edit. Either add "
        "'n3' and 'n4' to its hosts, pulumi up, then take 'n1' away; or add a shard of another name on 'n3' and 'n4', "
        "pulumi up, then take 'a' away, which drains it."
    ]


def test_a_shard_written_before_another_on_its_host_is_told_where_to_write_it() -> None:
    after = {"first": {"n1": 27018}, "a": {"n1": 27019}, "b": {"n2": 27018}}
    said = list(misplaced(UP, after, []))
    assert said == [
        "mspass:cluster.database.shards.a: its port on 'n1' would change from 27018 to 27019: members are numbered in "
        "their order; keep it by mspass:cluster.database.ports: {a: 27018}"
    ]


def test_a_shard_taken_away_before_another_on_its_host_would_shift_that_one() -> None:
    before = {"a": {"n1": 27018}, "b": {"n1": 27019}}
    (said,) = misplaced(before, {"b": {"n1": 27018}}, [])
    assert said.endswith("keep it by mspass:cluster.database.ports: {b: 27019}")
    assert not list(misplaced(before, {"b": {"n1": 27019}}, [])), "as that says"


def test_two_shards_of_a_host_that_change_places_are_both_told() -> None:
    before = {"a": {"n1": 27018}, "b": {"n1": 27019}}
    said = list(misplaced(before, {"b": {"n1": 27018}, "a": {"n1": 27019}}, []))
    assert [line.split(":")[1] for line in said] == ["cluster.database.shards.a", "cluster.database.shards.b"]


def test_a_new_shard_waits_for_the_port_of_one_that_is_still_being_drained() -> None:
    said = list(misplaced(UP, {"b": {"n2": 27018}, "c": {"n1": 27018}}, []))
    assert said == [
        "mspass:cluster.database.shards.c: its port 27018 on 'n1' is that of shard 'a' until that one is gone: take "
        "'a' away and pulumi up, then add to 'c' and pulumi up"
    ]


def test_a_shard_on_hosts_that_are_given_up_was_not_drained() -> None:
    before = UP | {"a": {"n1": 27018, "n3": 27018}}
    (said,) = misplaced(before, {"b": {"n2": 27018}}, ["n1", "n3"])
    assert said.startswith("mspass:abandon: shard 'a' on 'n1' and 'n3' was not drained: its documents would be lost")


SINGLE = {"host": "n1", "address": "10.0.0.1"}

STAY: dict[str, tuple[dict[str, str], dict[str, str], list[str]]] = {
    "the first up": ({}, SINGLE, []),
    "nothing changed": (SINGLE, SINGLE, []),
    "another address of the host": (SINGLE, SINGLE | {"address": "10.0.0.9"}, []),
    "another name of the host": (SINGLE, SINGLE | {"host": "n9"}, []),
    "the shards stay": ({"shards": "all"}, {"shards": "all"}, []),
    "the database taken away": (SINGLE, {}, []),
    "its host given up": (SINGLE, {"host": "n2", "address": "10.0.0.2"}, ["n1"]),
}


@pytest.mark.parametrize("case", STAY)
def test_documents_that_stay_where_they_are_are_let_through(case: str) -> None:
    assert list(left_behind(*STAY[case])) == []


@pytest.mark.parametrize(
    ("old", "new", "ways"),
    [
        (SINGLE, {"host": "n2", "address": "10.0.0.2"}, "from 'n1' to 'n2'"),
        (SINGLE, {"shards": "all"}, "from 'n1' to the shards"),
        ({"shards": "all"}, SINGLE, "from the shards to 'n1'"),
    ],
    ids=["another host", "sharded", "single"],
)
def test_documents_that_an_edit_would_leave_behind_are_told(
    old: dict[str, str], new: dict[str, str], ways: str
) -> None:
    (said,) = left_behind(old, new, [])
    assert said.startswith(f"mspass:cluster.database: its documents do not move {ways} by an edit: mongodump them")
    call = Call(
        "preflight", {"shards": {}, "abandoned": [], "documents": new, "hosts": {}}, old_inputs={"documents": old}
    )
    with pytest.raises(Refused, match="documents do not move"):
        RESOURCES["Preflight"].diff(call)


def test_a_runtime_is_not_switched_under_what_is_up() -> None:
    native, contained = {"n1": NATIVE}, {"n1": {"engine": "unix:///docker.sock"}}
    for old, new in ((native, contained), (contained, native)):
        (said,) = switched(old, new)
        assert said.startswith("mspass:cluster.runtime: a stack that is up is never switched (host 'n1')")
    assert not [*switched(native, native), *switched({}, native), *switched(native, {"n2": contained["n1"]})]


def test_a_misspelt_host_to_give_up_is_told_with_those_that_the_state_has() -> None:
    assert list(strangers(["n1", "n11"], {"n1", "n2"})) == [
        "mspass:abandon[1]: unknown host 'n11' (the state has n1, n2)"
    ]


def test_a_host_that_an_interrupted_update_took_out_can_still_be_given_up() -> None:
    new: dict[str, Any] = {"shards": UP, "documents": {}, "abandoned": ["n3"], "hosts": {"n1": NATIVE, "n2": NATIVE}}
    old: dict[str, Any] = {**new, "abandoned": []}
    call = Call("preflight", new, old_inputs=old, outputs={"known": ["n1", "n2", "n3"]})
    assert RESOURCES["Preflight"].diff(call) == ["abandoned"]
    with pytest.raises(Refused, match="unknown host 'n3'"):
        RESOURCES["Preflight"].diff(Call("preflight", new, old_inputs=old))


def test_all_that_is_misplaced_is_told_at_once() -> None:
    assert len(list(misplaced(UP, {"a": {"n3": 27018}, "b": {"n4": 27018}}, []))) == 2


def test_the_preflight_refuses_it_in_its_diff_which_a_preview_asks_for() -> None:
    old: dict[str, Any] = {"shards": UP, "documents": {}, "abandoned": [], "hosts": {}}
    new = old | {"shards": UP | {"a": {"n3": 27018}}}
    with pytest.raises(Refused) as refused:
        RESOURCES["Preflight"].diff(Call("preflight", new, old_inputs=old))
    first, second = str(refused.value).splitlines()
    assert first == "nothing was changed:"
    assert second.startswith("  mspass:cluster.database.shards.a: a shard does not move")
    assert RESOURCES["Preflight"].diff(Call("preflight", old, old_inputs=old)) == []
