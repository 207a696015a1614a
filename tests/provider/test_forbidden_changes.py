"""An edit that would do harm to what is up is refused in the preview, with the ways to do it."""

from typing import Any

import pytest

from mspass_stack.errors import Refused
from mspass_stack.provider.preflight.forbidden_changes import (
    encryption_changed,
    moved_shards,
    orphaned_data,
    renamed_hosts,
    resized,
    runtime_changed,
    storage_changed,
    unknown_hosts,
)
from mspass_stack.provider.resources.base import Call
from mspass_stack.provider.server.registry import RESOURCES

Shards = dict[str, dict[str, int]]

N1: dict[str, Any] = {"runtime": "native", "address": "10.0.0.1", "processes": []}
N2: dict[str, Any] = {"runtime": "native", "address": "10.0.0.2", "processes": []}

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
    assert list(moved_shards(*FINE[case])) == []


def test_a_shard_that_moves_is_reported_both_ways_to_do_it() -> None:
    assert list(moved_shards(UP, UP | {"a": {"n3": 27018, "n4": 27018}}, [])) == [
        "mspass:cluster.database.shards.a: a shard does not move from 'n1' to 'n3' and 'n4' by an edit. Either add "
        "'n3' and 'n4' to its hosts, pulumi up, then take 'n1' away; or add a shard of another name on 'n3' and 'n4', "
        "pulumi up, then take 'a' away, which drains it."
    ]


def test_a_shard_written_before_another_on_its_host_is_reported_where_to_write_it() -> None:
    after = {"first": {"n1": 27018}, "a": {"n1": 27019}, "b": {"n2": 27018}}
    output = list(moved_shards(UP, after, []))
    assert output == [
        "mspass:cluster.database.shards.a: its port on 'n1' would change from 27018 to 27019: members are numbered in "
        "their order; keep it by mspass:cluster.database.ports: {a: {n1: 27018}}"
    ]


def test_a_shard_taken_away_before_another_on_its_host_would_shift_that_one() -> None:
    before = {"a": {"n1": 27018}, "b": {"n1": 27019}}
    (output,) = moved_shards(before, {"b": {"n1": 27018}}, [])
    assert output.endswith("keep it by mspass:cluster.database.ports: {b: {n1: 27019}}")
    assert not list(moved_shards(before, {"b": {"n1": 27019}}, [])), "as that says"


def test_two_shards_of_a_host_that_change_places_are_both_told() -> None:
    before = {"a": {"n1": 27018}, "b": {"n1": 27019}}
    output = list(moved_shards(before, {"b": {"n1": 27018}, "a": {"n1": 27019}}, []))
    assert [line.split(":")[1] for line in output] == ["cluster.database.shards.a", "cluster.database.shards.b"]


def test_a_new_shard_waits_for_the_port_of_one_that_is_still_being_drained() -> None:
    output = list(moved_shards(UP, {"b": {"n2": 27018}, "c": {"n1": 27018}}, []))
    assert output == [
        "mspass:cluster.database.shards.c: its port 27018 on 'n1' is that of shard 'a' until that one is gone: take "
        "'a' away and pulumi up, then add to 'c' and pulumi up"
    ]


def test_a_shard_on_hosts_that_are_given_up_was_not_drained() -> None:
    before = UP | {"a": {"n1": 27018, "n3": 27018}}
    (output,) = moved_shards(before, {"b": {"n2": 27018}}, ["n1", "n3"])
    assert output.startswith("mspass:abandon: shard 'a' on 'n1' and 'n3' was not drained: its documents would be lost")


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
    assert list(orphaned_data(*STAY[case])) == []


@pytest.mark.parametrize(
    ("old", "new", "ways"),
    [
        (SINGLE, {"host": "n2", "address": "10.0.0.2"}, "from 'n1' to 'n2'"),
        (SINGLE, {"shards": "all"}, "from 'n1' to the shards"),
        ({"shards": "all"}, SINGLE, "from the shards to 'n1'"),
    ],
    ids=["another host", "sharded", "single"],
)
def test_documents_that_an_edit_would_leave_behind_are_reported(
    old: dict[str, str], new: dict[str, str], ways: str
) -> None:
    (output,) = orphaned_data(old, new, [])
    assert output.startswith(f"mspass:cluster.database: its documents do not move {ways} by an edit: mongodump them")


@pytest.mark.parametrize("runtimes", [("native", "docker"), ("docker", "native")], ids=" to ".join)
def test_a_runtime_is_not_switched_under_what_is_up(runtimes: tuple[str, str]) -> None:
    old, new = ({"n1": N1 | {"runtime": runtime}, "n2": N2} for runtime in runtimes)
    assert list(runtime_changed(old, new)) == [
        "mspass:cluster.runtime: a stack that is up is never switched (host 'n1'): pulumi destroy, which leaves the "
        "data where they are, then change it and pulumi up"
    ]


def test_a_runtime_of_a_host_that_comes_or_goes_may_be_any() -> None:
    docker = N1 | {"runtime": "docker"}
    for old, new in (({"n1": N1}, {"n1": N1}), ({}, {"n1": N1}), ({"n1": N1}, {"n2": docker})):
        assert list(runtime_changed(old, new)) == []


def test_a_host_keeps_its_name_while_the_stack_is_up() -> None:
    assert list(renamed_hosts({"n1": N1, "n2": N2}, {"head": N1, "n2": N2})) == [
        "mspass:cluster.hosts.head: 'n1' and 'head' are one machine (10.0.0.1): a host keeps its name while the stack "
        "is up. Write 'n1', or pulumi destroy (the data stay), then rename it and pulumi up"
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({}, {"n1": N1}),
        ({"n1": N1}, {"n1": N1, "n2": N2}),
        ({"n1": N1}, {"n2": N2}),
        ({"n1": N1}, {"n1": N2}),
        ({"n1": N1, "n2": N2}, {"n1": N2, "n2": N1}),
        ({"n1": N1}, {"n1": N2, "n2": N1}),
    ],
    ids=[
        "the first up",
        "a host more",
        "another host",
        "another address",
        "addresses exchanged",
        "an address handed on",
    ],
)
def test_a_host_that_is_another_machine_is_no_renamed_one(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert list(renamed_hosts(old, new)) == []


def test_a_misspelt_host_to_give_up_is_reported_with_those_that_the_state_has() -> None:
    assert list(unknown_hosts(["n1", "n11"], {"n1", "n2"})) == [
        "mspass:abandon[1]: unknown host 'n11' (the state has n1, n2)"
    ]


def _diff(old: dict[str, Any], new: dict[str, Any], **more: Any) -> list[str]:
    """What the preflight finds changed between two configs, of which only the differences are given."""
    common: dict[str, Any] = {"shards": UP, "documents": {}, "abandoned": [], "hosts": {"n1": N1, "n2": N2}}
    return RESOURCES["Preflight"].diff(Call("preflight", common | new, old_inputs=common | old, **more))


def test_a_host_that_an_interrupted_update_took_out_can_still_be_given_up() -> None:
    given_up = {"abandoned": ["n3"]}
    assert _diff({}, given_up, outputs={"known": {"n1": [], "n2": [], "n3": ["shard-c-n3"]}}) == ["abandoned"]
    with pytest.raises(Refused, match="unknown host 'n3'"):
        _diff({}, given_up)


def test_all_that_is_misplaced_is_reported_at_once() -> None:
    assert len(list(moved_shards(UP, {"a": {"n3": 27018}, "b": {"n4": 27018}}, []))) == 2


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a shard that moves": ({"shards": UP | {"a": {"n3": 27018}}}, "shards.a: a shard does not move"),
    "documents left behind": ({"documents": {"host": "n2", "address": "10.0.0.2"}}, "its documents do not move"),
    "another runtime": ({"hosts": {"n1": N1 | {"runtime": "docker"}, "n2": N2}}, "is never switched (host 'n1')"),
    "another name of a host": ({"hosts": {"n9": N1, "n2": N2}}, "'n1' and 'n9' are one machine"),
    "a misspelt host": ({"abandoned": ["n3"]}, "unknown host 'n3'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_the_preflight_refuses_it_in_its_diff_which_a_preview_asks_for(case: str) -> None:
    new, problem = REFUSED[case]
    with pytest.raises(Refused) as refused:
        _diff({"documents": SINGLE}, {"documents": SINGLE} | new)
    first, second = str(refused.value).splitlines()
    assert first == "nothing was changed:"
    assert second.startswith("  mspass:")
    assert problem in second


def test_another_way_to_a_host_is_looked_at_and_nothing_changed_is_not() -> None:
    assert _diff({}, {}) == []
    ways = {"connections": {"n1": {"host": "n1", "port": 22}}}, {"connections": {"n1": {"host": "n1", "port": 2222}}}
    assert _diff(*ways) == ["connections"]


@pytest.mark.parametrize(("moved", "told"), [(False, 0), (True, 1)], ids=["alone", "with other hosts"])
def test_encryption_is_switched_on_by_itself(moved: bool, told: int) -> None:
    for old in ([], ["dask"]):
        assert len(list(encryption_changed(old, ["dask", "mongodb"], moved))) == told
    assert not list(encryption_changed(["dask", "mongodb"], ["dask", "mongodb"], moved))


def test_a_database_that_is_up_does_not_go_back_to_speak_in_clear() -> None:
    (line,) = encryption_changed(["dask", "mongodb"], [], moved=False)
    assert line.startswith("mspass:cluster.encryption: ")
    assert "pulumi destroy, which leaves the data where they are, then change it and pulumi up" in line


def test_a_database_that_is_up_stays_in_its_storage() -> None:
    shared: dict[str, Any] = {"nodes": 3}  # of a state that knows no storage yet
    local = {**shared, "storage": "local"}
    assert not [*storage_changed(shared, {**shared, "storage": "shared"}), *storage_changed(local, local)]
    (problem,) = storage_changed(shared, local)
    assert problem.startswith("mspass:cluster.database.storage: 'local': a database that is up stays where it is")


@pytest.mark.parametrize(
    ("after", "problem"),
    [
        (UP | {"c": {"n1": 27019}}, "mspass:cluster.database.shards.c: 'n1' is added: "),
        ({"a": {"n1": 27018}}, "mspass:cluster.database.shards.b: 'n2' is taken away: "),
        (UP | {"a": {"n1": 27018, "n3": 27018}}, "mspass:cluster.database.shards.a: 'n3' is added: "),
    ],
)
def test_where_one_version_has_the_data_of_all_no_server_comes_or_goes(after: Shards, problem: str) -> None:
    (found,) = resized({"storage": "local"}, UP, after)
    assert found.startswith(problem)
    assert not [*resized({"storage": "shared"}, UP, after), *resized({"storage": "local"}, UP, UP)]
