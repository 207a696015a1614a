"""What the sharded lab declares: one provider per host, host networks, secrets where they are read, and no more."""

from typing import Any

import pytest
import yaml
from mocked_engine import MARK, Declared, Run, opened, shown
from own_program import PROJECT, Deploy

MANY = 200


def _config(**changes: Any) -> dict[str, Any]:
    said = yaml.safe_load((PROJECT / "stacks" / "Pulumi.lab-cluster.yaml").read_text())["config"]
    return {**said, "mspass:cluster": {**said["mspass:cluster"], **changes}}


@pytest.fixture
def lab(deploy: Deploy) -> Run:
    result = deploy(_config(), "lab")
    assert not result.error
    return result


def _labels(container: Declared) -> dict[str, str]:
    return {label["label"]: label["value"] for label in container.inputs["labels"]}


def _unchanged(before: Run, after: Run) -> set[str]:
    """The containers that are the same in both, and so go on running."""
    return {name for name, one in before.of("Container").items() if after.of("Container")[name].inputs == one.inputs}


def test_each_host_has_a_provider_of_its_own_over_ssh(lab: Run) -> None:
    providers = {found.name: found.inputs for found in lab.resources if found.type == "pulumi:providers:docker"}
    hosts = {"head": "10.0.0.1", "node1": "10.0.0.2", "node2": "10.0.0.3"}
    assert {name: inputs["host"] for name, inputs in providers.items()} == {
        f"docker@{host}": f"ssh://mspass@{address}" for host, address in hosts.items()
    }
    for inputs in providers.values():
        for option in ("BatchMode=yes", "StrictHostKeyChecking=yes", "ControlMaster=auto"):
            assert option in inputs["sshOpts"]


def test_containers_are_on_their_hosts_network_and_say_which_ports_they_have(lab: Run) -> None:
    for name, container in lab.of("Container").items():
        assert container.inputs["networkMode"] == "host"
        assert not {"ports", "networksAdvanced", "hostname"} & set(container.inputs)
        assert name.endswith(f"@{container.name.partition('@')[2]}")
        assert container.inputs["user"] == "1000:1000", "who SSH logs in as, told by the host's files"
    ports = {name: _labels(container)["mspass.ports"] for name, container in lab.of("Container").items()}
    assert ports["mongos-head@head"] == "27017"
    assert ports["configsvr-head@head"] == ports["shard-a-node1@node1"] == "27018"
    assert ports["scheduler@head"] == "8786 8787"


def test_every_server_of_mongodb_asks_for_credentials_and_listens_on_its_own_address(lab: Run) -> None:
    addresses = {"head": "10.0.0.1", "node1": "10.0.0.2", "node2": "10.0.0.3"}
    servers = {
        name: found.inputs["command"]
        for name, found in lab.of("Container").items()
        if found.inputs["command"][0] in ("mongod", "mongos")
    }
    assert len(servers) == 4
    for name, command in servers.items():
        assert command[command.index("--keyFile") + 1] == "/srv/mspass/lab-cluster/secrets/keyfile"
        assert command[command.index("--bind_ip") + 1] == addresses[name.partition("@")[2]]


def test_dask_speaks_tls_and_keeps_its_pages_inside(lab: Run) -> None:
    containers = lab.of("Container")
    for name in ("scheduler@head", "worker-node1@node1", "frontend@head"):
        assert "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION=true" in containers[name].inputs["envs"]
    command = containers["scheduler@head"].inputs["command"]
    assert command[command.index("--dashboard-address") + 1] == "127.0.0.1:8787"
    assert lab.outputs["schedulerAddress"] == "tls://10.0.0.1:8786"
    files = opened(lab.of("HostFiles")["files@this-machine"].inputs["files"])
    profile = next(text for path, text in files.items() if path.endswith("profile.env"))
    assert "DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT=" in profile


def test_no_secret_shows_in_an_input(lab: Run) -> None:
    assert not [text for found in lab.resources for text in shown(found.inputs) if MARK in text]


def test_a_worker_host_more_changes_no_other_container(lab: Run, deploy: Deploy) -> None:
    cluster = _config()["mspass:cluster"]
    pool = {**cluster["pool"], "workers": {"head": {"processes": 1, "memory": "1GiB"}, **cluster["pool"]["workers"]}}
    assert _unchanged(lab, deploy(_config(pool=pool), "lab")) == set(lab.of("Container"))


def test_a_shard_more_changes_no_other_container(lab: Run, deploy: Deploy) -> None:
    database = _config()["mspass:cluster"]["database"]
    grown = {**database, "shards": {**database["shards"], "c": ["head"]}}
    assert _unchanged(lab, deploy(_config(database=grown), "lab")) == set(lab.of("Container"))


def test_another_way_to_a_host_changes_no_container_and_no_rendered_process(lab: Run, deploy: Deploy) -> None:
    hosts = {
        name: {**host, "ssh": {"user": "other", "port": 2222, "jump": "me@gate"}}
        for name, host in _config()["mspass:cluster"]["hosts"].items()
    }
    other = deploy(_config(hosts=hosts), "lab")
    assert _unchanged(lab, other) == set(lab.of("Container"))
    for kind in ("Ready", "HostFiles", "Readdress", "ShardedCluster", "Preflight"):
        for name, found in lab.of(kind).items():
            again = other.of(kind)[name].inputs
            assert {key for key in again if again[key] != found.inputs[key]} <= {"reach", "probeReach", "reaches"}


def test_workers_know_where_they_are_retired(lab: Run) -> None:
    asked = {"container": "mspass-lab-scheduler", "address": "tls://10.0.0.1:8786"}
    assert lab.of("Ready")["ready-worker-node2@node2"].inputs["scheduler"] == asked
    assert lab.of("Retirement")["retirement-worker-node2@node2"].inputs["scheduler"] == asked
    assert "retirement-worker-node2@node2" in lab.of("Container")["worker-node2@node2"].after
    assert lab.of("Ready")["ready-scheduler@head"].inputs["scheduler"] == {}


def test_jupyter_waits_until_the_shards_are_registered(lab: Run) -> None:
    assert "sharded-cluster" in lab.of("Container")["frontend@head"].after
    assert "sharded-cluster" not in lab.of("Container")["scheduler@head"].after


def test_the_gates_of_a_set_open_after_it_is_initiated(lab: Run) -> None:
    for name in ("configsvr-head@head", "shard-a-node1@node1", "mongos-head@head"):
        assert "sharded-cluster" in lab.of("Ready")[f"ready-{name}"].after


def test_data_are_readdressed_before_their_server_starts(lab: Run) -> None:
    assert set(lab.of("Readdress")) == {
        "addresses-configsvr-head@head",
        "addresses-shard-a-node1@node1",
        "addresses-shard-b-node2@node2",
    }
    for name, found in lab.of("Readdress").items():
        assert name in lab.of("Container")[name.removeprefix("addresses-")].after
        assert found.inputs["data"].startswith("/srv/mspass/lab-cluster/data_")
    assert lab.of("Readdress")["addresses-shard-a-node1@node1"].inputs["addresses"] == {
        "configserver": "configserver/10.0.0.1:27018"
    }


def test_an_abandoned_host_is_given_to_an_engine_that_has_nothing(deploy: Deploy) -> None:
    result = deploy({**_config(), "mspass:abandon": ["node9"]}, "lab")
    providers = {found.name: found.inputs for found in result.resources if found.type == "pulumi:providers:docker"}
    assert providers["docker@node9"]["host"].startswith("unix:///abandoned/")
    assert result.of("Preflight")["preflight"].inputs["abandoned"] == ["node9"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (["node1"], "mspass:abandon: 'node1' still plays mspass:cluster.database.shards.a[0]"),
        ({"node1": {}}, "mspass:abandon: {'node1': {}}: expected a list of hosts"),
    ],
    ids=["a host with a role", "no list"],
)
def test_a_wrong_abandon_is_refused_with_its_path(deploy: Deploy, value: Any, expected: str) -> None:
    result = deploy({**_config(), "mspass:abandon": value}, "lab")
    assert expected in result.error
    assert not result.resources


def test_two_hundred_hosts_are_planned_and_declared(deploy: Deploy) -> None:
    hosts: dict[str, Any] = {f"n{i}": {"address": f"10.1.{i // 250}.{i % 250 + 1}", "ssh": {}} for i in range(MANY)}
    database = {"router": ["n0"], "shards": {f"s{i}": [f"n{i}"] for i in range(1, MANY // 2)}}
    workers = {f"n{i}": {"processes": 8, "memory": "4GiB"} for i in range(MANY // 2, MANY)}
    result = deploy(
        _config(hosts=hosts, database=database, pool={"host": "n0", "workers": workers}, frontend={"host": "n0"})
    )
    assert not result.error
    assert len(result.of("Container")) == 1 + (MANY // 2 - 1) + 1 + 1 + MANY // 2 + 1
    assert len([found for found in result.resources if found.type == "pulumi:providers:docker"]) == MANY
