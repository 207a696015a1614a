"""Host lists: as Slurm writes them, and wherever hosts stand in a config."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mspass_stack.config.hostlist import LIMIT, expand, is_list
from mspass_stack.config.load import abandoned, read_cluster
from mspass_stack.config.sections import Cluster
from mspass_stack.errors import ConfigError
from mspass_stack.plan import check

LISTS: dict[str, list[str]] = {
    "node1": ["node1"],
    "node[1-4]": ["node1", "node2", "node3", "node4"],
    "lab[1,3-5]": ["lab1", "lab3", "lab4", "lab5"],
    "n[01-03]": ["n01", "n02", "n03"],
    "n[8-11]": ["n8", "n9", "n10", "n11"],
    "n[008-011]": ["n008", "n009", "n010", "n011"],
    "n[7]": ["n7"],
    "n[2-2]": ["n2"],
    "node[1-2],gpu1": ["node1", "node2", "gpu1"],
    "gpu1, node[3,5]": ["gpu1", "node3", "node5"],
    "rack[1-2]node[1-2]": ["rack1node1", "rack1node2", "rack2node1", "rack2node2"],
    "node[1-2]-ib": ["node1-ib", "node2-ib"],
    "10.0.0.[1-3]": ["10.0.0.1", "10.0.0.2", "10.0.0.3"],
}

WRONG: dict[str, str] = {
    "": "a name is empty",
    "node1,": "a name is empty",
    "node[1-4": "a bracket is not closed",
    "node[1,3": "a bracket is not closed",
    "node1-4]": "a bracket is not opened",
    "node[[1]]": "a bracket is not",
    "node[4-1]": "the range '4-1' runs backwards",
    "node[]": "a bracket is empty",
    "node[1,,2]": "'' is no number and no range",
    "node[a-c]": "'a-c' is no number and no range",
    "node[1-2-3]": "'1-2-3' is no number and no range",
    "node[-1]": "'-1' is no number and no range",
    "node[1-999999999]": f"more than {LIMIT} hosts",
    "node[0-999][0-999]": f"more than {LIMIT} hosts",
}


@pytest.mark.parametrize("text", LISTS)
def test_a_host_list_is_its_names_in_its_order(text: str) -> None:
    assert expand(text) == LISTS[text]


@pytest.mark.parametrize("text", WRONG)
def test_a_list_that_is_none_says_why(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(WRONG[text])):
        expand(text)


@given(st.text(alphabet="ab01[]-, ", max_size=20))
def test_any_text_is_names_without_brackets_or_an_error(text: str) -> None:
    try:
        names = expand(text)
    except ValueError:
        return
    assert names
    assert not [name for name in names if is_list(name) or not name]


@given(first=st.integers(0, 500), more=st.integers(0, 50), width=st.integers(1, 5))
def test_a_range_has_all_its_numbers_at_the_width_of_its_first(first: int, more: int, width: int) -> None:
    low = str(first).zfill(width)
    names = expand(f"n[{low}-{first + more}]")
    assert [int(name[1:]) for name in names] == list(range(first, first + more + 1))
    assert names[0] == f"n{low}"


ADDRESSES: dict[str, Any] = {f"n{i}": {"address": f"10.0.0.{i}", "ssh": {}} for i in range(1, 6)}


def _lab(**changes: Any) -> dict[str, Any]:
    lab: dict[str, Any] = {
        "workdir": "/srv/work",
        "datadir": "/srv/mspass",
        "hosts": {"n[1-5]": {"address": "10.0.0.[1-5]", "ssh": {}}},
        "database": {"router": ["n[1-2]"], "shards": {"a": ["n[3-5]"], "b": ["n1"]}, "cache": "1GiB"},
        "pool": {"host": "n1", "workers": {"n[2-3,5]": {"processes": 2, "memory": "1GiB"}, "n4": {"memory": "2GiB"}}},
    }
    return lab | changes


def _checked(value: object) -> Cluster:
    cluster = read_cluster(value)
    check(cluster)
    return cluster


def test_a_lab_with_host_lists_is_the_lab_with_each_name() -> None:
    few = {"processes": 2, "memory": "1GiB"}
    plain = _lab(
        hosts=ADDRESSES,
        database={"router": ["n1", "n2"], "shards": {"a": ["n3", "n4", "n5"], "b": ["n1"]}, "cache": "1GiB"},
        pool={"host": "n1", "workers": {"n2": few, "n3": few, "n5": few, "n4": {"memory": "2GiB"}}},
    )
    assert _checked(_lab()) == _checked(plain)


def test_a_port_for_each_host_of_a_list_is_one_for_each_host() -> None:
    database: dict[str, Any] = {"router": ["n1"], "config": ["n[1-3]"], "shards": {"a": ["n[3-5]"]}, "cache": "1GiB"}
    database["ports"] = {"a": {"n[3-4]": 27100, "n5": 27200}}
    found = _checked(_lab(database=database)).database
    assert found
    assert found.config == ("n1", "n2", "n3")
    assert found.ports == {"a": {"n3": 27100, "n4": 27100, "n5": 27200}}


def test_hosts_of_a_list_may_be_abandoned() -> None:
    assert abandoned(["n[7-8]", "n10"], []) == ("n7", "n8", "n10")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"database": {"router": ["n1", "n[2-"], "shards": {"a": ["n3"]}}},
            "mspass:cluster.database.router[1]: 'n[2-': expected a host list such as node[1-4]: a bracket is not",
        ),
        (
            {"database": {"router": ["n1"], "shards": {"a": ["n[5-3]"]}}},
            "mspass:cluster.database.shards.a[0]: 'n[5-3]': expected a host list such as node[1-4]: the range '5-3' ",
        ),
        (
            {"database": {"router": ["n1"], "shards": {"a": ["n[1-3]", "n2"]}, "cache": "1GiB"}},
            "mspass:cluster.database.shards.a: host 'n2' twice: expected hosts that differ",
        ),
        (
            {"database": {"router": ["n1"], "shards": {"a": ["n2"]}, "ports": {"a": {"n[1-2]": 27100, "n2": 27101}}}},
            "mspass:cluster.database.ports.a.n2: host 'n2' twice: by 'n[1-2]' and by 'n2'",
        ),
        (
            {"pool": {"host": "n1", "workers": {"n[1-3]": {}, "n[3-4]": {}}}},
            "mspass:cluster.pool.workers.n3: host 'n3' twice: by 'n[1-3]' and by 'n[3-4]'",
        ),
        (
            {"pool": {"host": "n1", "workers": {"n[]": {}}}},
            "mspass:cluster.pool.workers.n[]: 'n[]': expected a host list such as node[1-4]: a bracket is empty",
        ),
        (
            {"pool": {"host": "n1", "workers": {"n[1-7]": {"memory": "1GiB"}}}},
            "mspass:cluster.pool.workers.n6: unknown host 'n6' (hosts: n1, n2, n3, n4, n5)",
        ),
        (
            {"pool": {"host": "n1", "workers": {"N[1-2]": {}}}},
            "mspass:cluster.pool.workers.N1: 'N1': expected a letter, then letters",
        ),
        (
            {"pool": {"host": "n[1-2]", "workers": {"n1": {}}}},
            "mspass:cluster.pool.host: 'n[1-2]': expected a letter, then letters",
        ),
        (
            {"hosts": {**ADDRESSES, "n[5-6]": {"ssh": {}}}},
            "mspass:cluster.hosts.n5: host 'n5' twice: by 'n5' and by 'n[5-6]'",
        ),
        (
            {"hosts": {"n[1-5]": {"address": "10.0.0.[1-4]", "ssh": {}}}},
            "mspass:cluster.hosts.n[1-5].address: '10.0.0.[1-4]': expected 5 addresses, got 4",
        ),
        (
            {"hosts": {"n[1-5]": {"address": "10.0.0.1", "ssh": {}}}},
            "mspass:cluster.hosts: address '10.0.0.1' 5 times: expected one host per address",
        ),
    ],
)
def test_a_host_list_that_does_not_fit_is_reported_with_its_path(changes: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError) as refused:
        _checked(_lab(**changes))
    assert any(line.startswith(expected) for line in str(refused.value).splitlines()), str(refused.value)


def test_an_abandoned_list_that_is_none_is_reported() -> None:
    with pytest.raises(ConfigError, match=r"mspass:abandon: .*: expected hosts, or host lists .*: a bracket is not"):
        abandoned(["n[1"], [])
