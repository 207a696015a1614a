"""The whole command line and environment of each process of a sharded lab."""

import shlex
from dataclasses import replace
from typing import Any

from mspass_stack.config import Cluster
from mspass_stack.rendered import RenderedProcess
from mspass_stack.roles import client_environment, database_uri
from mspass_stack.runtimes import contain, render
from mspass_stack.topology import Topology, plan

HOSTS: dict[str, Any] = {
    name: {"address": f"10.0.0.{i}", "ssh": {}} for i, name in enumerate(("head", "n1", "n2"), start=1)
}
CLUSTER = Cluster.read(
    {
        "runtime": "docker",
        "workdir": "/w",
        "datadir": "/d",
        "hosts": HOSTS,
        "database": {
            "router": ["head", "n1"],
            "config": ["head", "n1"],
            "shards": {"a": ["n1", "n2"], "b": ["n2"]},
            "port": 27100,
            "cache": "512MiB",
        },
        "pool": {"host": "head", "workers": {"n2": {"processes": 3, "threads": 2, "memory": "2GiB"}}},
        "frontend": {"host": "head", "port": 9999},
    }
)
TOPOLOGY = plan(CLUSTER, "lab", {"n2": 4})

LISTENING = "--nounixsocket --keyFile /d/secrets/keyfile"
CACHE = "--wiredTigerCacheSizeGB 0.50"
SEEDS = "configserver/10.0.0.1:27101,10.0.0.2:27101"

LINES = {
    "configsvr-head": (
        f"mongod --dbpath /d/data_config --port 27101 --bind_ip 10.0.0.1 {LISTENING} --configsvr --replSet configserver"
        f" {CACHE}"
    ),
    "configsvr-n1": (
        f"mongod --dbpath /d/data_config --port 27101 --bind_ip 10.0.0.2 {LISTENING} --configsvr --replSet configserver"
        f" {CACHE}"
    ),
    "shard-a-n1": (
        f"mongod --dbpath /d/data_shard_a --port 27102 --bind_ip 10.0.0.2 {LISTENING} --shardsvr --replSet a {CACHE}"
    ),
    "shard-a-n2": (
        f"mongod --dbpath /d/data_shard_a --port 27101 --bind_ip 10.0.0.3 {LISTENING} --shardsvr --replSet a {CACHE}"
    ),
    "shard-b-n2": (
        f"mongod --dbpath /d/data_shard_b --port 27102 --bind_ip 10.0.0.3 {LISTENING} --shardsvr --replSet b {CACHE}"
    ),
    "mongos-head": f"mongos --configdb {SEEDS} --port 27100 --bind_ip 10.0.0.1 {LISTENING}",
    "mongos-n1": f"mongos --configdb {SEEDS} --port 27100 --bind_ip 10.0.0.2 {LISTENING}",
    "scheduler": ("python3 -m dask scheduler --host 10.0.0.1 --port 8786 --dashboard-address 127.0.0.1:8787 --no-show"),
    "worker-n2": (
        "python3 -m dask worker tls://10.0.0.1:8786 --host 10.0.0.3 --name worker-n2 --nworkers 3 --nthreads 2"
        " --memory-limit 2147483648 --local-directory /d/scratch --dashboard-address 127.0.0.1:0"
    ),
    "frontend": (
        "python3 -m jupyterlab --no-browser --ServerApp.ip=10.0.0.1 --ServerApp.port=9999"
        " --ServerApp.port_retries=0 --ServerApp.root_dir=/w --config=/d/secrets/jupyter_server_config.json"
        " --allow-root"
    ),
}

TLS = {
    "DASK_DISTRIBUTED__COMM__DEFAULT_SCHEME": "tls",
    "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "true",
    "DASK_DISTRIBUTED__COMM__TLS__CA_FILE": "/d/secrets/ca.pem",
    **{
        f"DASK_DISTRIBUTED__COMM__TLS__{end}__{part}": "/d/secrets/dask.pem"
        for end in ("SCHEDULER", "WORKER", "CLIENT")
        for part in ("CERT", "KEY")
    },
}


def _rendered(topology: Topology = TOPOLOGY) -> dict[str, RenderedProcess]:
    return {p.name: render(p, topology, "/d", "/w", "python3") for p in topology.processes}


def test_each_process_has_exactly_this_command_line() -> None:
    assert {name: shlex.join(process.argv) for name, process in _rendered().items()} == LINES


def test_dasks_processes_find_their_certificates_and_nobody_else_does() -> None:
    for name, process in _rendered().items():
        of_dask = name in ("scheduler", "worker-n2", "frontend")
        assert TLS.items() <= process.environment.items() if of_dask else not process.environment
        assert ({"/d/secrets/ca.pem", "/d/secrets/dask.pem"} <= set(process.reads)) == of_dask


def test_clients_are_pointed_at_the_first_router_and_the_scheduler_by_tls() -> None:
    assert client_environment(TOPOLOGY, "peer") == client_environment(TOPOLOGY, "user")
    assert client_environment(TOPOLOGY, "peer") == {
        "MSPASS_SCHEDULER": "dask",
        "MSPASS_SCHEDULER_ADDRESS": "tls://10.0.0.1:8786",
        "DASK_SCHEDULER_ADDRESS": "tls://10.0.0.1:8786",
        "DASK_SCHEDULER_PORT": "8786",
        "MONGODB_PORT": "27100",
    }
    assert database_uri(TOPOLOGY, "secret", "peer") == "mongodb://mspass:secret@10.0.0.1:27100/?authSource=admin"


def test_each_process_is_probed_by_its_own_protocol_from_the_host_that_sees_it() -> None:
    probes = {name: (p.probe.kind, p.probe.host, p.probe.address, p.probe.port) for name, p in _rendered().items()}
    assert probes == {
        "configsvr-head": ("mongo-member", "head", "10.0.0.1", 27101),
        "configsvr-n1": ("mongo-member", "n1", "10.0.0.2", 27101),
        "shard-a-n1": ("mongo-member", "n1", "10.0.0.2", 27102),
        "shard-a-n2": ("mongo-member", "n2", "10.0.0.3", 27101),
        "shard-b-n2": ("mongo-member", "n2", "10.0.0.3", 27102),
        "mongos-head": ("mongos", "head", "10.0.0.1", 27100),
        "mongos-n1": ("mongos", "n1", "10.0.0.2", 27100),
        "scheduler": ("dask-scheduler", "head", "127.0.0.1", 8787),
        "worker-n2": ("dask-workers", "head", "127.0.0.1", 8787),
        "frontend": ("jupyter", "head", "10.0.0.1", 9999),
    }
    assert _rendered()["worker-n2"].probe.count == 3


def test_a_worker_is_granted_its_processes_and_no_more_cores_than_there_are() -> None:
    worker = _rendered()["worker-n2"]
    assert worker.memory == 3 * 2 * 1024**3 + 512 * 1024**2
    assert worker.cpus == 4
    assert _rendered(replace(TOPOLOGY, cores={}))["worker-n2"].cpus == 0, (
        "which nobody has asked: Docker refuses more than there are"
    )


def test_a_mongod_gets_the_time_to_write_down_what_it_holds() -> None:
    graces = {name: process.stop_grace for name, process in _rendered().items() if process.argv[0] == "mongod"}
    assert graces == dict.fromkeys(("configsvr-head", "configsvr-n1", "shard-a-n1", "shard-a-n2", "shard-b-n2"), 120)


def test_a_container_sees_the_folders_of_its_own_data_and_the_secrets_that_it_reads() -> None:
    binds = {name: set(contain(process, TOPOLOGY).binds) for name, process in _rendered().items()}
    key = ("/d/secrets/keyfile", True)
    assert binds["configsvr-head"] == {("/d/data_config", False), key}
    assert binds["shard-a-n2"] == {("/d/data_shard_a", False), key}
    assert binds["shard-b-n2"] == {("/d/data_shard_b", False), key}
    assert binds["mongos-head"] == {key}
    work = {("/w", False), ("/d/scratch", False), ("/d/secrets/ca.pem", True), ("/d/secrets/dask.pem", True)}
    client = ("/d/secrets/client.env", True)
    assert binds["scheduler"] == work
    assert binds["worker-n2"] == {*work, client}
    jupyter = {("/d/secrets/jupyter-token", True), ("/d/secrets/jupyter_server_config.json", True)}
    assert binds["frontend"] == {*work, client, *jupyter}


def test_a_container_in_a_lab_is_on_its_hosts_network() -> None:
    for process in _rendered().values():
        contained = contain(process, TOPOLOGY)
        assert (contained.network, contained.hostname) == ("", "")
        assert contained.name == f"mspass-lab-{process.name}"


def test_each_container_has_a_health_check_of_an_address_that_it_listens_on() -> None:
    health = {name: contain(process, TOPOLOGY).health for name, process in _rendered().items()}
    assert "('10.0.0.3', 27101)" in health["shard-a-n2"][-1]
    assert "http://127.0.0.1:8787/health" in health["scheduler"][-1]
    assert "http://10.0.0.1:9999/api" in health["frontend"][-1]
    # The scheduler's pages stay inside its host: a worker's own health is the way to it.
    assert "('10.0.0.1', 8786)" in health["worker-n2"][-1]
    for words in health.values():
        compile(words[-1], "health", "exec")


def test_a_lab_without_a_pool_speaks_no_tls() -> None:
    said: dict[str, Any] = {"runtime": "docker", "workdir": "/w", "datadir": "/d", "hosts": HOSTS}
    topology = plan(Cluster.read({**said, "database": {"db": "n1"}, "frontend": {"host": "head"}}), "lab", {})
    frontend = next(process for process in topology.processes if process.kind == "frontend")
    assert not topology.tls
    assert not [key for key in render(frontend, topology, "/d", "/w", "python3").environment if "TLS" in key]
