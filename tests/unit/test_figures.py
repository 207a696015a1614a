"""The figures of MsPASS's manual, as plans: which process runs on which host."""

from pathlib import Path

import pytest

from mspass_stack.config.load import read_cluster
from mspass_stack.plan import Plan, make_plan
from mspass_stack.roles.registry import role_of, serving

LAB = {"runtime": "docker", "workdir": "/srv/work", "datadir": "/srv/mspass"}


def _hosts(count: int) -> dict[str, object]:
    return {f"node{i}": {"address": f"10.0.0.{i}", "ssh": {}} for i in range(1, count + 1)}


FIGURES: dict[str, tuple[dict[str, object], dict[str, list[str]]]] = {
    "all in one": (
        {
            "hosts": {"desktop": {}},
            "database": {"db": "desktop"},
            "pool": {"host": "desktop", "workers": {"desktop": {"processes": 2}}},
            "frontend": {"host": "desktop"},
        },
        {"desktop": ["mongod", "scheduler", "worker-desktop", "frontend"]},
    ),
    "one role per node": (
        {
            **LAB,
            "hosts": _hosts(4),
            "database": {"db": "node2"},
            "pool": {"host": "node1", "workers": {"node3": {}}},
            "frontend": {"host": "node4"},
        },
        {"node1": ["scheduler"], "node2": ["mongod"], "node3": ["worker-node3"], "node4": ["frontend"]},
    ),
    "several roles per node, limited workers": (
        {
            **LAB,
            "hosts": _hosts(3),
            "database": {"db": "node2"},
            "pool": {"host": "node1", "workers": {"node1": {"processes": 1}, "node2": {"processes": 1}, "node3": {}}},
            "frontend": {"host": "node1"},
        },
        {
            "node1": ["scheduler", "worker-node1", "frontend"],
            "node2": ["mongod", "worker-node2"],
            "node3": ["worker-node3"],
        },
    ),
    "five nodes": (
        {
            **LAB,
            "hosts": _hosts(5),
            "database": {"db": "node2"},
            "pool": {"host": "node1", "workers": {"node3": {}, "node4": {}, "node5": {}}},
            "frontend": {"host": "node1"},
        },
        {
            "node1": ["scheduler", "frontend"],
            "node2": ["mongod"],
            **{f"node{i}": [f"worker-node{i}"] for i in (3, 4, 5)},
        },
    ),
    "five nodes, sharded": (
        {
            **LAB,
            "hosts": _hosts(5),
            "database": {
                "router": ["node1"],
                "shards": {"a": ["node2"], "b": ["node3"]},
                "collections": {"mspass.arrival": "_id"},
            },
            "pool": {"host": "node1", "workers": {"node4": {}, "node5": {}}},
            "frontend": {"host": "node1"},
        },
        {
            "node1": ["configsvr-node1", "mongos-node1", "scheduler", "frontend"],
            "node2": ["shard-a-node2"],
            "node3": ["shard-b-node3"],
            "node4": ["worker-node4"],
            "node5": ["worker-node5"],
        },
    ),
}


def _plan(figure: str) -> Plan:
    cluster = read_cluster(FIGURES[figure][0])
    return make_plan(cluster, "figure", dict.fromkeys(cluster.hosts, 4), Path("/project"), "/py/bin/python")


@pytest.mark.parametrize("figure", FIGURES)
def test_each_host_runs_the_processes_of_its_roles(figure: str) -> None:
    topology = _plan(figure).topology
    placed: dict[str, list[str]] = {}
    for process in topology.processes:
        placed.setdefault(process.host, []).append(process.name)
    assert placed == FIGURES[figure][1]


@pytest.mark.parametrize("figure", FIGURES)
def test_a_process_is_stopped_before_all_kinds_that_start_earlier_and_before_no_peer(figure: str) -> None:
    earlier: list[str] = []
    for process in _plan(figure).topology.processes:
        assert set(process.after) == {name for name in earlier if not _same_kind(name, process.name)}
        earlier.append(process.name)


@pytest.mark.parametrize("figure", FIGURES)
def test_no_port_is_given_twice_on_a_host(figure: str) -> None:
    taken = [(process.host, port) for process in _plan(figure).topology.processes for port in process.ports.values()]
    assert len(taken) == len(set(taken))


def test_a_sharded_router_keeps_the_port_that_clients_expect() -> None:
    topology = _plan("five nodes, sharded").topology
    assert serving(topology)["database"].endpoint == "mongodb://10.0.0.1:27017"
    assert {process.replica_set for process in topology.of("shard")} == {"a", "b"}


def test_workers_without_a_count_get_one_per_core_and_a_warning_without_a_limit() -> None:
    plan = _plan("several roles per node, limited workers")
    workers = plan.topology.of("worker")
    counts = {worker.host: role_of(worker).share(worker, plan.context(worker.host)).workers for worker in workers}
    assert counts == {"node1": 1, "node2": 1, "node3": 4}
    assert [warning.split(":")[1] for warning in plan.topology.warnings] == [
        f"cluster.pool.workers.{host}" for host in ("node1", "node2", "node3")
    ]


def _same_kind(one: str, other: str) -> bool:
    return one.split("-", 1)[0] == other.split("-", 1)[0]
