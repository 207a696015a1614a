"""The whole command line and environment of each process of a sharded lab."""

import shlex
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from mspass_stack.config.load import read_cluster
from mspass_stack.plan import Plan, make_plan
from mspass_stack.roles.base import OWN_MODULES_FIRST, RUN_MODULE
from mspass_stack.roles.clients import PASSWORD
from mspass_stack.roles.dask import SPAWN
from mspass_stack.roles.registry import client_env
from mspass_stack.spec.process import ContainedProcess

HOSTS: dict[str, Any] = {
    name: {"address": f"10.0.0.{i}", "ssh": {}} for i, name in enumerate(("head", "n1", "n2"), start=1)
}
CLUSTER = read_cluster(
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
PLAN = make_plan(CLUSTER, "lab", {"n2": 4}, Path("/project"), "/py/bin/python")

AUTHORITY = PurePosixPath("/d/ca.pem")
LISTENING = (
    "--nounixsocket --keyFile /d/secrets/keyfile --setParameter enableLocalhostAuthBypass=false"
    " --config /d/tls/mode.conf --tlsCertificateKeyFile /d/tls/mongodb.pem --tlsCAFile /d/ca.pem"
    " --tlsAllowConnectionsWithoutCertificates"
)
QUIESCE = "--setParameter mongosShutdownTimeoutMillisForSignaledShutdown=2000"
CACHE = "--setParameter shutdownTimeoutMillisForSignaledShutdown=2000 --wiredTigerCacheSizeGB 0.50"
MODULE = f"python3 -c {shlex.quote(OWN_MODULES_FIRST + RUN_MODULE)}"
WORKER = f"python3 -c {shlex.quote(OWN_MODULES_FIRST + SPAWN + RUN_MODULE)}"
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
    "mongos-head": f"mongos --configdb {SEEDS} --port 27100 --bind_ip 10.0.0.1 {LISTENING} {QUIESCE}",
    "mongos-n1": f"mongos --configdb {SEEDS} --port 27100 --bind_ip 10.0.0.2 {LISTENING} {QUIESCE}",
    "scheduler": f"{MODULE} dask scheduler --host 10.0.0.1 --port 8786 --dashboard-address 127.0.0.1:8787 --no-show",
    "worker-n2": (
        f"{WORKER} dask worker tls://10.0.0.1:8786 --host 10.0.0.3 --name worker-n2 --nworkers 3 --nthreads 2"
        " --memory-limit 2147483648 --local-directory /d/scratch --dashboard-address 127.0.0.1:0"
    ),
    "frontend": (
        f"{MODULE} jupyterlab --no-browser --ServerApp.ip=127.0.0.1 --ServerApp.port=9999"
        " --ServerApp.port_retries=0 --ServerApp.base_url=/ --ServerApp.root_dir=/w"
        " --config=/d/secrets/jupyter_server_config.json --allow-root"
    ),
}

TLS = {
    "DASK_DISTRIBUTED__COMM__DEFAULT_SCHEME": "tls",
    "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "true",
    "DASK_DISTRIBUTED__COMM__TLS__CA_FILE": "/d/ca.pem",
    **{
        f"DASK_DISTRIBUTED__COMM__TLS__{end}__{part}": "/d/secrets/dask.pem"
        for end in ("SCHEDULER", "WORKER", "CLIENT")
        for part in ("CERT", "KEY")
    },
}


def _rendered(plan: Plan = PLAN) -> dict[str, ContainedProcess]:
    rendered: dict[str, ContainedProcess] = {}
    for process in plan.topology.processes:
        spec = plan.render(process)
        assert isinstance(spec, ContainedProcess)
        rendered[process.name] = spec
    return rendered


def test_each_process_has_exactly_this_command_line() -> None:
    assert {name: shlex.join(process.argv) for name, process in _rendered().items()} == LINES


def test_dasks_processes_find_their_certificates_and_nobody_else_does() -> None:
    for name, process in _rendered().items():
        of_dask = name in ("scheduler", "worker-n2", "frontend")
        assert TLS.items() <= process.environment.items() if of_dask else not process.environment
        assert ({"/d/ca.pem", "/d/secrets/dask.pem"} <= set(process.reads)) == of_dask


def test_clients_are_pointed_at_the_first_router_and_the_scheduler_by_tls() -> None:
    lines = client_env(PLAN.topology, {PASSWORD: "secret"}, AUTHORITY).splitlines()
    assert lines == [
        "DASK_SCHEDULER_ADDRESS='tls://10.0.0.1:8786'",
        "DASK_SCHEDULER_PORT='8786'",
        "MONGODB_PORT='27100'",
        "MSPASS_DB_ADDRESS='mongodb://mspass:secret@10.0.0.1:27100/?authSource=admin&tls=true&tlsCAFile=%2Fd%2Fca.pem"
        "&appName=mspass'",
        "MSPASS_SCHEDULER='dask'",
        "MSPASS_SCHEDULER_ADDRESS='tls://10.0.0.1:8786'",
        'no_proxy="${no_proxy:-${NO_PROXY-}}"',
        'no_proxy="${no_proxy:+$no_proxy,}127.0.0.1,localhost,10.0.0.1"',
        'NO_PROXY="$no_proxy"',
    ]


def test_no_proxy_stands_before_any_host_in_the_users_own_env_file() -> None:
    """In that of processes a host that comes or goes would restart them all."""
    direct = [host.address for host in PLAN.topology.hosts.values()]
    assert 'localhost,10.0.0.1,10.0.0.2,10.0.0.3"' in client_env(
        PLAN.topology, {PASSWORD: "secret"}, AUTHORITY, direct=direct
    )


def test_a_frontend_elsewhere_changes_nothing_for_the_workers() -> None:
    processes = [
        replace(process, address="10.0.0.2") if process.kind == "frontend" else process
        for process in PLAN.topology.processes
    ]
    other = replace(PLAN.topology, processes=tuple(processes))
    assert client_env(other, {PASSWORD: "secret"}, AUTHORITY) == client_env(
        PLAN.topology, {PASSWORD: "secret"}, AUTHORITY
    )


def test_the_users_own_env_file_names_its_certificates_too() -> None:
    tls = PLAN.topology.hosts["head"].layout.tls
    added = set(client_env(PLAN.topology, {PASSWORD: "secret"}, AUTHORITY, tls).splitlines())
    added -= set(client_env(PLAN.topology, {PASSWORD: "secret"}, AUTHORITY).splitlines())
    assert added == {f"{key}='{value}'" for key, value in TLS.items()}


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
        "scheduler": ("http", "head", "127.0.0.1", 8787),
        "worker-n2": ("dask-workers", "head", "127.0.0.1", 8787),
        "frontend": ("http", "head", "127.0.0.1", 9999),
    }
    assert _rendered()["worker-n2"].probe.count == 3


def test_a_worker_is_granted_its_processes_and_no_more_cores_than_there_are() -> None:
    worker = _rendered()["worker-n2"]
    assert worker.memory == 3 * 2 * 1024**3 + 512 * 1024**2
    assert worker.cpus == 4
    unknown = make_plan(CLUSTER, "lab", {}, Path("/project"), "/py/bin/python")
    assert _rendered(unknown)["worker-n2"].cpus == 0, "nobody has asked the host: Docker refuses more than there are"


def test_a_mongod_gets_the_time_to_write_down_what_it_holds() -> None:
    graces = {name: process.stop_grace for name, process in _rendered().items() if process.argv[0] == "mongod"}
    assert graces == dict.fromkeys(("configsvr-head", "configsvr-n1", "shard-a-n1", "shard-a-n2", "shard-b-n2"), 120)


def test_a_process_works_in_the_directories_of_its_own_data_and_reads_its_own_secrets() -> None:
    uses = {
        name: {*((path, False) for path in process.writes), *((path, True) for path in process.reads)}
        for name, process in _rendered().items()
    }
    server = {("/d/secrets/keyfile", True), ("/d/ca.pem", True), ("/d/tls", True)}
    assert uses["configsvr-head"] == {("/d/data_config", False), *server}
    assert uses["shard-a-n2"] == {("/d/data_shard_a", False), *server}
    assert uses["shard-b-n2"] == {("/d/data_shard_b", False), *server}
    assert uses["mongos-head"] == server
    work = {("/w", False), ("/d/scratch", False), ("/d/ca.pem", True), ("/d/secrets/dask.pem", True)}
    client = ("/d/secrets/client.env", True)
    assert uses["scheduler"] == work
    assert uses["worker-n2"] == {*work, client}
    jupyter = {("/d/secrets/jupyter-token", True), ("/d/secrets/jupyter_server_config.json", True)}
    assert uses["frontend"] == {*work, client, *jupyter}


def test_a_container_is_named_after_its_stack_and_its_process() -> None:
    assert {process.container for process in _rendered().values()} == {f"mspass-lab-{name}" for name in LINES}


def test_each_container_has_a_health_check_of_an_address_that_it_listens_on() -> None:
    health = {name: process.health for name, process in _rendered().items()}
    assert "('10.0.0.3', 27101)" in health["shard-a-n2"][-1]
    assert "http://127.0.0.1:8787/health" in health["scheduler"][-1]
    assert "http://127.0.0.1:9999/api" in health["frontend"][-1]
    # The scheduler's pages stay inside its host: a worker's own health is the way to it.
    assert "('10.0.0.1', 8786)" in health["worker-n2"][-1]
    for words in health.values():
        compile(words[-1], "health", "exec")


def test_a_lab_without_a_pool_encrypts_its_database_alone() -> None:
    value: dict[str, Any] = {"runtime": "docker", "workdir": "/w", "datadir": "/d", "hosts": HOSTS}
    cluster = read_cluster({**value, "database": {"db": "n1"}, "frontend": {"host": "head"}})
    plan = make_plan(cluster, "lab", {}, Path("/project"), "/py/bin/python")
    assert plan.topology.encrypted == {"mongodb"}
    frontend = _rendered(plan)["frontend"]
    assert not [key for key in frontend.environment if "TLS" in key]
    assert "/d/ca.pem" in frontend.reads
    assert "/d/secrets/dask.pem" not in frontend.reads


def test_a_lab_whose_owner_wants_none_has_no_encryption_and_is_warned() -> None:
    value = CLUSTER.model_dump(exclude_unset=True) | {"encryption": False}
    plan = make_plan(read_cluster(value), "lab", {"n2": 4}, Path("/project"), "/py/bin/python")
    assert not plan.topology.encrypted
    assert [line for line in plan.topology.warnings if line.startswith("mspass:cluster.encryption: false: ")]
    assert not PLAN.topology.warnings or "encryption" not in "".join(PLAN.topology.warnings)
    words = [word for process in _rendered(plan).values() for word in (*process.argv, *process.environment)]
    assert not [word for word in words if "tls" in word.lower()]
    assert "tls" not in client_env(plan.topology, {PASSWORD: "secret"}, AUTHORITY)


def test_jupyter_for_everybody_speaks_https_on_its_hosts_address_by_a_certificate_of_the_stack() -> None:
    for encryption in (True, False):
        frontend = {"host": "head", "port": 9999, "expose": "tls"}
        changes = {"frontend": frontend, "encryption": encryption}
        cluster = read_cluster({**CLUSTER.model_dump(exclude_none=True), **changes})
        plan = make_plan(cluster, "lab", {"n2": 4}, Path("/project"), "/py/bin/python")
        process = plan.topology.one("frontend")
        assert process
        assert process.endpoint == "https://10.0.0.1:9999"
        spec = _rendered(plan)["frontend"]
        assert {"--ServerApp.ip=10.0.0.1", "--ServerApp.certfile=/d/secrets/jupyter.pem"} <= set(spec.argv)
        assert "/d/secrets/jupyter.pem" in spec.reads
        assert (spec.probe.kind, spec.probe.address) == ("https", "10.0.0.1")
        assert "('10.0.0.1', 9999)" in spec.health[-1]
        assert ("mongodb" in plan.topology.encrypted) == encryption
