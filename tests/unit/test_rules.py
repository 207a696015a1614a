"""What must fit together in a config: each breach is told with its YAML path."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mspass_stack.config import Cluster, ConfigError, Database
from mspass_stack.topology import plan

HOSTS: dict[str, Any] = {f"n{i}": {"address": f"10.0.0.{i}", "ssh": {}} for i in range(1, 6)}


def _lab(**changes: Any) -> dict[str, Any]:
    return {
        "runtime": "docker",
        "workdir": "/srv/work",
        "datadir": "/srv/mspass",
        "hosts": HOSTS,
        "database": {"router": ["n1"], "shards": {"a": ["n2"], "b": ["n3"]}},
    } | changes


def _sharded(**changes: Any) -> dict[str, Any]:
    return _lab(database={"router": ["n1"], "shards": {"a": ["n2"], "b": ["n3"]}} | changes)


BREACHES: dict[str, tuple[Mapping[str, Any], str]] = {
    "an address that is every host's own": (
        _lab(hosts=HOSTS | {"n2": {"ssh": {}}}),
        "mspass:cluster.hosts.n2.address: '127.0.0.1': expected an address by which other hosts reach it",
    ),
    "two hosts that are this machine": (
        _lab(hosts=HOSTS | {"n1": {"address": "10.0.0.1"}, "n2": {"address": "10.0.0.2"}}),
        "mspass:cluster.hosts: without ssh each of n1, n2 is this machine",
    ),
    "an address twice": (
        _lab(hosts=HOSTS | {"n3": {"address": "10.0.0.2", "ssh": {}}}),
        "mspass:cluster.hosts: address '10.0.0.2' 2 times",
    ),
    "a workdir that starts nowhere": (_lab(workdir="./work"), "mspass:cluster.workdir: './work': expected an absolute"),
    "a datadir that is not given": (_lab(datadir=None), "mspass:cluster.datadir: None: expected an absolute path"),
    "a host twice in a shard": (
        _sharded(shards={"a": ["n2", "n2"]}),
        "mspass:cluster.database.shards.a: host 'n2' twice",
    ),
    "a host twice among the routers": (
        _sharded(router=["n1", "n1"]),
        "mspass:cluster.database.router: host 'n1' twice",
    ),
    "a host twice among the config servers": (
        _sharded(config=["n1", "n1"], cache="1GiB"),
        "mspass:cluster.database.config: host 'n1' twice",
    ),
    "a shard without hosts": (
        _sharded(shards={"a": []}),
        "mspass:cluster.database.shards.a: expected at least one host",
    ),
    "a shard with a name of MongoDB's own": (
        _sharded(shards={"config": ["n2"]}),
        "mspass:cluster.database.shards.config: 'config' is a name of MongoDB's own",
    ),
    "config servers without routers": (
        _lab(database={"config": ["n1"], "shards": {"a": ["n2"]}}),
        "mspass:cluster.database: expected db: HOST, or both router and shards",
    ),
    "a collection without a database": (
        _sharded(collections={"arrival": "_id"}),
        "mspass:cluster.database.collections.arrival: 'arrival': string should match pattern",
    ),
    "several servers on a host without a cache": (
        _sharded(shards={"a": ["n2"], "b": ["n2"]}),
        "mspass:cluster.database.cache: required: host 'n2' has 2 mongod",
    ),
    "no ports left": (
        _sharded(port=65535),
        "mspass:cluster.database.port: 65536 on host 'n1' is no port",
    ),
    "a shard's port that is Jupyter's": (
        _sharded(port=8887) | {"frontend": {"host": "n2"}},
        "mspass:cluster: port 8888 twice on host 'n2': database.shards.a and frontend.port",
    ),
}


@pytest.mark.parametrize("case", BREACHES)
def test_a_breach_is_told_with_its_yaml_path(case: str) -> None:
    value, expected = BREACHES[case]
    with pytest.raises(ConfigError) as refused:
        Cluster.read(value)
    assert expected in str(refused.value)


def test_members_are_numbered_on_each_host_in_their_order() -> None:
    database = Database(router=("n1",), shards={"a": ("n1", "n2"), "b": ("n2",)}, port=27017)
    assert database.member_ports() == {
        ("config", "n1"): 27018,
        ("a", "n1"): 27019,
        ("a", "n2"): 27018,
        ("b", "n2"): 27019,
    }


def test_a_member_more_behind_the_others_renumbers_nobody() -> None:
    few = Database(router=("n1",), shards={"a": ("n1",)})
    more = Database(router=("n1",), shards={"a": ("n1", "n2"), "b": ("n1",)})
    assert few.member_ports().items() <= more.member_ports().items()


@given(
    st.dictionaries(
        st.sampled_from(["a", "b", "c", "d"]), st.sets(st.sampled_from(sorted(HOSTS)), min_size=1), min_size=1
    ),
    st.sets(st.sampled_from(sorted(HOSTS)), min_size=1),
)
def test_no_port_is_given_twice_and_every_process_has_its_name(shards: dict[str, set[str]], routers: set[str]) -> None:
    sets = {key: sorted(hosts) for key, hosts in shards.items()}
    cluster = Cluster.read(_lab(database={"router": sorted(routers), "shards": sets, "cache": "1GiB"}))
    processes = plan(cluster, "test", {}).processes
    places = [(process.host, port) for process in processes for port in process.ports.values()]
    assert len(places) == len(set(places))
    assert len({process.name for process in processes}) == len(processes)
    for index, process in enumerate(processes):
        assert set(process.after) <= {other.name for other in processes[:index]}
