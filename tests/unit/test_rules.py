"""What must fit together in a config: each violation is told with its YAML path."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

from mspass_stack.components.requirements import requirements
from mspass_stack.config.load import abandoned, check_keys, may_interrupt, read_cluster
from mspass_stack.config.rules import warnings
from mspass_stack.config.sections import Cluster, Database
from mspass_stack.errors import ConfigError
from mspass_stack.plan import check, make_plan
from mspass_stack.roles.registry import places

HOSTS: dict[str, Any] = {f"n{i}": {"address": f"10.0.0.{i}", "ssh": {}} for i in range(1, 6)}


def _lab(**changes: Any) -> dict[str, Any]:
    return {
        "runtime": "docker",
        "workdir": "/srv/work",
        "datadir": "/srv/mspass",
        "hosts": HOSTS,
        "database": {"router": ["n1"], "shards": {"a": ["n2"], "b": ["n3"]}},
    } | changes


def _connected(**spark: Any) -> dict[str, Any]:
    pool: dict[str, Any] = {
        "scheduler": "spark",
        "host": "n1",
        "workers": {"n1": {}},
        "spark": {"connector": True, **spark},
    }
    return _lab(pool=pool)


def _checked(value: Mapping[str, Any]) -> Cluster:
    cluster = read_cluster(value)
    check(cluster)
    return cluster


def _sharded(**changes: Any) -> dict[str, Any]:
    return _lab(database={"router": ["n1"], "shards": {"a": ["n2"], "b": ["n3"]}} | changes)


VIOLATIONS: dict[str, tuple[Mapping[str, Any], str]] = {
    "data on the own disks of hosts that no job gives": (
        _lab(database={"db": "n1", "storage": "local"}),
        "mspass:cluster.database.storage: 'local': only a Slurm job has nodes that data are brought to",
    ),
    "versions while it runs of a database that has none": (
        _lab(database={"db": "n1", "checkpoint": "30m"}),
        "mspass:cluster.database.checkpoint: '30m': only with database.storage: local are there versions to make",
    ),
    "versions one after the other": (
        _lab(database={"db": "n1", "storage": "local", "checkpoint": "59s"}),
        "mspass:cluster.database.checkpoint: '59s': expected 1m or more: all writes wait while one is made",
    ),
    "an address that is every host's own": (
        _lab(hosts=HOSTS | {"n2": {"ssh": {}}}),
        "mspass:cluster.hosts.n2.address: '127.0.0.1': expected an address by which other hosts reach it",
    ),
    "two hosts that are this machine": (
        _lab(hosts=HOSTS | {"n1": {"address": "10.0.0.1"}, "n2": {"address": "10.0.0.2"}}),
        "mspass:cluster.hosts: without ssh each of n1, n2 is this machine",
    ),
    "pages for others on a machine that has no address for them": (
        {"hosts": {"here": {}}, "frontend": {"host": "here", "expose": "tls"}},
        "mspass:cluster.frontend.expose: this machine has no address for others",
    ),
    "an address twice": (
        _lab(hosts=HOSTS | {"n3": {"address": "10.0.0.2", "ssh": {}}}),
        "mspass:cluster.hosts: address '10.0.0.2' 2 times",
    ),
    "a workdir that starts nowhere": (_lab(workdir="./work"), "mspass:cluster.workdir: './work': expected an absolute"),
    "a workdir in the stack's own directory": (
        _lab(workdir="/srv/mspass/work"),
        "mspass:cluster.workdir: '/srv/mspass/work' is in the stack's own directory '/srv/mspass'",
    ),
    "hosts whose workers have the same names": (
        _lab(hosts=HOSTS | {"n1-2": {"address": "10.0.1.2", "ssh": {}}})
        | {"pool": {"host": "n1", "workers": {"n1": {}, "n1-2": {}}}},
        "mspass:cluster.pool.workers.n1-2: it begins like 'n1', and Dask could not tell their workers apart",
    ),
    "Spark's own without Spark": (
        _lab(pool={"host": "n1", "workers": {"n1": {}}, "spark": {"coresPerApplication": 1}}),
        "mspass:cluster.pool.spark: expected scheduler: spark beside it",
    ),
    "threads of Spark": (
        _lab(pool={"scheduler": "spark", "host": "n1", "workers": {"n1": {"threads": 2}}}),
        "mspass:cluster.pool.workers.n1.threads: 2: expected none: Spark has cores",
    ),
    "a connector without a database": (
        {key: part for key, part in _connected().items() if key != "database"},
        "mspass:cluster.pool.spark.connector: true: expected a database beside it",
    ),
    "jars of a connector that is not wanted": (
        _connected(connector=False, jars="/srv/jars"),
        "mspass:cluster.pool.spark.jars: expected connector: true beside it",
    ),
    "jars somewhere": (
        _connected(jars="jars"),
        "mspass:cluster.pool.spark.jars: 'jars': expected an absolute path",
    ),
    "an executor that fits nowhere": (
        _lab(
            pool={
                "scheduler": "spark",
                "host": "n1",
                "workers": {"n1": {"processes": 2, "memory": "256MiB"}},
                "spark": {"executorMemory": "1GiB"},
            }
        ),
        "mspass:cluster.pool.spark.executorMemory: 1024 MiB: more than the worker on 'n1' has (512 MiB)",
    ),
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
        "mspass:cluster.database.collections.arrival: 'arrival': expected DATABASE.COLLECTION",
    ),
    "several servers on a host without a cache": (
        _sharded(shards={"a": ["n2"], "b": ["n2"]}),
        "mspass:cluster.database.cache: required: host 'n2' has 2 mongod",
    ),
    "a port of no shard": (
        _sharded(ports={"c": 27100}),
        "mspass:cluster.database.ports.c: no such shard (shards: a, b; or config)",
    ),
    "a port of no host": (
        _sharded(ports={"a": {"n1": 27100, "nowhere": 27101}}),
        "mspass:cluster.database.ports.a.nowhere: it has no member there (hosts: ",
    ),
    "a port that is none": (
        _sharded(ports={"a": 80}),
        "mspass:cluster.database.ports.a: 80: expected 1024 or more",
    ),
    "a port of a host that is none": (
        _sharded(ports={"a": {"n2": 80}}),
        "mspass:cluster.database.ports.a.n2: 80: expected 1024 or more",
    ),
    "an address that endpoints cannot be written with": (
        _lab(hosts=HOSTS | {"n2": {"address": "fd00::2", "ssh": {}}}),
        "mspass:cluster.hosts.n2.address: 'fd00::2': expected a name or an IPv4 address",
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


@pytest.mark.parametrize("case", VIOLATIONS)
def test_a_violation_is_reported_with_its_yaml_path(case: str) -> None:
    value, expected = VIOLATIONS[case]
    with pytest.raises(ConfigError) as refused:
        _checked(value)
    assert any(line.startswith(expected) for line in str(refused.value).splitlines())


@pytest.mark.parametrize("address", ["localhost", "127.0.1.1"])
def test_an_address_that_means_each_host_itself_is_refused_however_it_is_written(address: str) -> None:
    with pytest.raises(ConfigError, match=r"mspass:cluster\.hosts\.n2\.address: "):
        _checked(_lab(hosts=HOSTS | {"n2": {"address": address, "ssh": {}}}))


def test_the_lab_that_the_violations_are_made_of_has_none() -> None:
    assert _checked(_lab()) == _checked(_sharded())


@pytest.mark.parametrize("key", ["admin", "config", "configserver", "local"])
def test_no_shard_has_a_name_of_mongodbs_own(key: str) -> None:
    with pytest.raises(ConfigError, match=f"mspass:cluster.database.shards.{key}: '{key}' is a name of MongoDB's own"):
        _checked(_sharded(shards={key: ["n2"]}))


@pytest.mark.parametrize("name", ["arrival", ".arrival", "mspass.", "my db.arrival", "mspass.$cmd", "a/b.c"])
def test_a_malformed_namespace_is_refused_with_its_path(name: str) -> None:
    with pytest.raises(ConfigError) as refused:
        _checked(_sharded(collections={name: "_id"}))
    assert str(refused.value).startswith(f"mspass:cluster.database.collections.{name}: '{name}'")


def test_all_violations_are_reported_at_once() -> None:
    wrong = _sharded(shards={"a": [], "config": ["n2", "n2"]}) | {"workdir": "work", "frontend": {"host": "n9"}}
    with pytest.raises(ConfigError) as refused:
        _checked(wrong)
    paths = {line.split(": ")[0].removeprefix("mspass:cluster.") for line in str(refused.value).splitlines()}
    assert paths == {"frontend.host", "database.shards.a", "database.shards.config", "workdir"}


def test_all_flat_keys_are_known_and_each_other_one_is_named_with_those() -> None:
    check_keys({"abandon", "cluster", "interrupt", "jupyterPassword"})
    with pytest.raises(ConfigError) as refused:
        check_keys({"cluster", "clutser", "abandoned"})
    known = "known: abandon, cluster, interrupt, jupyterPassword, replaceJob, rescue"
    assert str(refused.value).splitlines() == [
        f"mspass:{key}: unknown key ({known})" for key in ("abandoned", "clutser")
    ]


@pytest.mark.parametrize(("value", "expected"), [(None, False), (False, False), (True, True)])
def test_a_restart_may_interrupt_only_when_that_is_asked_for(value: object, expected: bool) -> None:
    assert may_interrupt(value) is expected


@pytest.mark.parametrize("value", ["yes", 1, [True]])
def test_what_is_neither_true_nor_false_interrupts_nothing(value: object) -> None:
    with pytest.raises(ConfigError, match=re.escape(f"mspass:interrupt: {value!r}: expected true or false")):
        may_interrupt(value)


def test_hosts_without_a_role_may_be_abandoned_be_they_in_the_config_or_not() -> None:
    placed = list(places(_checked(_lab())))
    assert abandoned(None, placed) == ()
    assert abandoned(["n5", "n9"], placed) == ("n5", "n9")


@pytest.mark.parametrize("value", ["n5", {"n5": True}, ["n5", 6], 5], ids=repr)
def test_what_is_no_list_of_hosts_is_not_abandoned(value: object) -> None:
    with pytest.raises(ConfigError) as refused:
        abandoned(value, places(_checked(_lab())))
    assert str(refused.value) == f"mspass:abandon: {value!r}: expected a list of hosts"


def test_a_host_that_plays_a_role_is_not_abandoned_and_each_role_is_named() -> None:
    pool = {"host": "n1", "workers": {"n2": {"memory": "1GiB"}}}
    with pytest.raises(ConfigError) as refused:
        abandoned(["n2", "n5"], places(_checked(_lab(pool=pool))))
    assert str(refused.value).splitlines() == [
        f"mspass:abandon: 'n2' still plays mspass:cluster.{path}"
        for path in ("database.shards.a[0]", "pool.workers.n2")
    ]


def test_a_set_of_two_members_is_worth_a_word_and_one_of_three_is_not() -> None:
    database = {"router": ["n1"], "config": ["n1", "n2"], "shards": {"a": ["n1", "n2", "n3"]}, "cache": "1GiB"}
    (warning,) = warnings(_checked(_lab(database=database)))
    assert warning.startswith("mspass:cluster.database.config: two members: when one is down the other takes no writes")


def test_workers_without_a_limit_are_worth_a_word_where_no_node_of_a_job_is_the_limit() -> None:
    roles: dict[str, Any] = {"pool": {"host": "node0", "workers": {"node0": {}}}}
    assert len(list(warnings(read_cluster(roles | {"hosts": HOSTS})))) == 1
    assert not list(warnings(read_cluster({"slurm": {"nodes": 1, "time": 60}} | roles)))


def test_members_are_numbered_on_each_host_in_their_order() -> None:
    database = Database(router=("n1",), shards={"a": ("n1", "n2"), "b": ("n2",)}, port=27017)
    assert database.member_ports() == {
        ("config", "n1"): 27018,
        ("a", "n1"): 27019,
        ("a", "n2"): 27018,
        ("b", "n2"): 27019,
    }


def test_a_shard_keeps_a_port_that_it_is_given_whoever_comes_or_goes() -> None:
    database = Database(router=("n1",), shards={"b": ("n2",), "c": ("n2", "n3")}, ports={"b": 27019})
    ports = {("config", "n1"): 27018, ("b", "n2"): 27019, ("c", "n2"): 27018, ("c", "n3"): 27018}
    assert database.member_ports() == ports


def test_a_shard_may_be_widened_onto_the_host_of_one_that_is_numbered_behind_it() -> None:
    """Pulumi hands over the shards in alphabetical order, wherever they are written."""
    before = Database(router=("n1",), shards={"a": ("n2",), "b": ("n3",)}).member_ports()
    wider = {"router": ("n1",), "shards": {"a": ("n2", "n3"), "b": ("n3",)}}
    assert Database(**wider).member_ports()["b", "n3"] != before["b", "n3"]  # pyright: ignore
    kept = Database(**wider, ports={"b": {"n3": before["b", "n3"]}}).member_ports()  # pyright: ignore
    assert kept == {**before, ("a", "n3"): 27019}


def test_a_member_more_behind_the_others_renumbers_nobody() -> None:
    few = Database(router=("n1",), shards={"a": ("n1",)})
    more = Database(router=("n1",), shards={"a": ("n1", "n2"), "b": ("n1",)})
    assert few.member_ports().items() <= more.member_ports().items()


_KEYS = st.sampled_from(["a", "b", "c", "d"])
_NAMES = st.sampled_from(sorted(HOSTS))
_SETS = st.lists(_NAMES, min_size=1, unique=True)


@given(
    shards=st.dictionaries(_KEYS, _SETS, min_size=1),
    routers=_SETS,
    config=st.just([]) | _SETS,
    workers=_SETS,
    port=st.sampled_from([27017, 8780, 8784, 8886, 65530]),
    others=st.tuples(_NAMES, _NAMES),
)
def test_what_the_rules_accept_has_no_port_twice_and_a_name_and_an_order_for_every_process(
    shards: dict[str, list[str]],
    routers: list[str],
    config: list[str],
    workers: list[str],
    port: int,
    others: tuple[str, str],
) -> None:
    database = {"router": routers, "config": config, "shards": shards, "cache": "1GiB", "port": port}
    pool = {"host": others[0], "workers": {host: {"processes": 1} for host in workers}}
    try:
        cluster = _checked(_lab(database=database, pool=pool, frontend={"host": others[1]}))
    except ConfigError as refused:
        event("refused")
        assert all("port" in line for line in str(refused).splitlines())
        assume(False)
        return
    plan = make_plan(cluster, "test", {}, Path("/project"), "python3")
    processes, hosts = plan.topology.processes, plan.topology.hosts
    taken = [(process.host, port) for process in processes for port in process.ports.values()]
    assert len(taken) == len(set(taken))
    assert all(port <= 65535 for _, port in taken)
    looked_at = {(name, int(port)) for name, host in hosts.items() for port in requirements(plan, [host]).ports}
    assert set(taken) == looked_at, "what the preflight looks at"
    assert len({process.name for process in processes}) == len(processes)
    for process in processes:
        assert set(process.after) == {other.name for other in processes if other.order < process.order}
    assert [process.order for process in processes] == sorted(process.order for process in processes)


@given(before=st.dictionaries(_KEYS, _SETS, min_size=1), after=st.dictionaries(_KEYS, _SETS, min_size=1))
def test_whatever_is_written_every_member_may_keep_its_port(
    before: dict[str, list[str]], after: dict[str, list[str]]
) -> None:
    """As the refusal says: each port that would change is written down, by shard and host."""
    old = Database.model_validate({"router": ["n1"], "shards": before}).member_ports()
    staying = {member: port for member, port in old.items() if member[0] in after and member[1] in after[member[0]]}
    ports: dict[str, dict[str, int]] = {}
    for (name, host), port in staying.items():
        ports.setdefault(name, {})[host] = port
    cluster = _lab(database={"router": ["n1"], "shards": after, "ports": ports, "cache": "1GiB"})
    new = _checked(cluster).database
    assert new
    numbered = new.member_ports()
    assert staying.items() <= numbered.items()
    assert len({(host, port) for (_, host), port in numbered.items()}) == len(numbered)


@given(shards=st.dictionaries(_KEYS, _SETS, min_size=1), added=_SETS)
def test_a_shard_written_behind_the_others_renumbers_nobody(shards: dict[str, list[str]], added: list[str]) -> None:
    before = Database.model_validate({"router": ["n1"], "shards": shards}).member_ports()
    after = Database.model_validate({"router": ["n1"], "shards": {**shards, "new": added}}).member_ports()
    assert before.items() <= after.items()
