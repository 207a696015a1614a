"""What the sharded lab declares: one provider per host, host networks, secrets where they are read, and no more."""

import json
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from mocked_engine import MARK, Declared, Run, Secret, opened, shown
from own_program import PROJECT, Deploy

from mspass_stack import Inventory
from mspass_stack.components import resources
from mspass_stack.provider.preflight.forbidden_changes import moved_shards

MANY = 200

NEW: dict[str, Any] = {"node9": {"address": "10.0.0.9", "ssh": {"user": "mspass"}}}


def _config(**changes: Any) -> dict[str, Any]:
    config = yaml.safe_load((PROJECT / "stacks" / "Pulumi.lab-cluster.yaml").read_text())["config"]
    return {**config, "mspass:cluster": {**config["mspass:cluster"], **changes}}


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
        words = json.loads(inputs["sshOpts"])
        assert words[::2] == ["-o"] * (len(words) // 2)
        assert {"BatchMode=yes", "StrictHostKeyChecking=yes", "ControlMaster=auto"} <= set(words[1::2])


def test_what_is_on_a_host_has_its_key_in_its_name_and_is_made_by_that_hosts_provider(lab: Run) -> None:
    for kind in ("Container", "ContainerImage", "HostFiles", "Certificate", "Ready", "AddressRepair", "Turn"):
        for name, found in lab.of(kind).items():
            host = name.partition("@")[2]
            assert host in ("head", "node1", "node2") or name == "client-certificate"
            assert found.inputs.get("host", host) == host
            assert found.inputs.get("connection", {"host": host})["host"] == host
            assert not found.type.startswith("docker:") or found.provider == f"docker@{host}"


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


def test_dask_finds_its_certificates_at_both_ends_and_in_the_users_shell(lab: Run) -> None:
    here, profile = str(Path.cwd() / "data/lab/client"), lab.of("ClientProfile")["client-profile"]
    files = opened(profile.inputs["files"])
    assert profile.inputs["path"] == lab.outputs["clientProfile"] == f"{here}/profile.env"
    shell = files[f"{here}/profile.env"].replace("'", "").splitlines()
    there = "/srv/mspass/lab-cluster"
    containers = {name: found.inputs.get("envs", []) for name, found in lab.of("Container").items()}
    for name, envs in containers.items():
        if name.startswith(("scheduler", "worker", "frontend")):
            assert {*_tls(f"{there}/secrets", there)} <= set(envs)
        else:
            assert not [line for line in envs if "DASK" in line]
    assert {*_tls(here, here)} <= set(shell)
    assert set(files) == {f"{here}/{name}" for name in ("profile.env", "ca.pem", "dask.pem")}


def _tls(secrets: str, authority: str) -> list[str]:
    tls = "DASK_DISTRIBUTED__COMM__TLS__"
    ends = [f"{tls}{end}__{part}" for end in ("SCHEDULER", "WORKER", "CLIENT") for part in ("CERT", "KEY")]
    lines = [f"{end}={secrets}/dask.pem" for end in ends]
    scheme = ["DASK_DISTRIBUTED__COMM__DEFAULT_SCHEME=tls", "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION=true"]
    return [*lines, *scheme, f"{tls}CA_FILE={authority}/ca.pem"]


def test_a_certificate_is_of_all_names_of_its_host(lab: Run) -> None:
    names = {name: found.inputs["names"] for name, found in lab.of("Certificate").items()}
    assert names == {
        "certificate@head": ["10.0.0.1", "head", "localhost", "127.0.0.1"],
        "certificate@node1": ["10.0.0.2", "node1", "localhost", "127.0.0.1"],
        "certificate@node2": ["10.0.0.3", "node2", "localhost", "127.0.0.1"],
        "client-certificate": ["localhost", "127.0.0.1"],
    }


def test_each_host_has_the_secrets_of_its_roles_and_no_others(deploy: Deploy) -> None:
    config = yaml.safe_load((PROJECT / "stacks" / "Pulumi.five-nodes-sharded.yaml").read_text())["config"]
    result = deploy(config, "lab")
    dask, server = {"ca.pem", "dask.pem"}, {"keyfile", "ca.pem", "mongodb.pem"}
    jupyter = {"jupyter-token", "jupyter_server_config.json"}
    names = {
        name: {PurePosixPath(path).name for path in opened(found.inputs["files"])}
        for name, found in result.of("HostFiles").items()
    }
    assert names == {
        "files@node1": {*server, "client.env", *dask, *jupyter},
        "files@node2": server,
        "files@node3": server,
        "files@node4": {"client.env", *dask},
        "files@node5": {"client.env", *dask},
    }
    signed = {f"certificate@node{number}" for number in range(1, 6)}
    assert set(result.of("Certificate")) == {*signed, "client-certificate"}
    for name, container in result.of("Container").items():
        reads = {PurePosixPath(mount["source"]).name for mount in container.inputs["mounts"] if mount["readOnly"]}
        assert reads <= {*names[f"files@{name.partition('@')[2]}"], "tls"}
        assert ("keyfile" in reads) == (container.inputs["command"][0] in ("mongod", "mongos"))


def test_the_certificate_of_who_signs_is_at_one_path_everywhere(lab: Run) -> None:
    path = "/srv/mspass/lab-cluster/ca.pem"
    assert all(path in opened(found.inputs["files"]) for found in lab.of("HostFiles").values())
    profile = lab.of("ClientProfile")["client-profile"].inputs
    assert (profile["authorityPath"], profile["authority"]) == (path, "certificate of ca")
    uri = "/?authSource=admin&tls=true&tlsCAFile=%2Fsrv%2Fmspass%2Flab-cluster%2Fca.pem&appName=mspass'"
    assert uri in opened(profile["files"])[profile["path"]]
    assert f"tlsCAFile={quote(profile['alonePath'], safe='')}&appName=mspass'" in opened(profile["alone"])


def test_the_servers_of_mongodb_are_brought_to_tls_once_all_their_clients_speak_it(lab: Run) -> None:
    (encryption,) = lab.of("Encryption").values()
    servers = {"configsvr-head", "shard-a-node1", "shard-b-node2", "mongos-head"}
    assert set(encryption.inputs["servers"]) == servers
    assert encryption.inputs["certificates"] == {f"{host}": f"digest of certificate@{host}" for host in lab_hosts(lab)}
    assert encryption.after >= set(lab.of("Container"))
    for found in lab.of("HostFiles").values():
        assert found.inputs["reloaded"] == ["/srv/mspass/lab-cluster/tls/mongodb.pem"]
        assert found.inputs["tlsMode"] == "/srv/mspass/lab-cluster/tls/mode.conf"


def test_an_owner_who_wants_no_encryption_gets_none(deploy: Deploy) -> None:
    result = deploy(_config(encryption=False), "lab")
    assert not result.error
    assert not result.of("Certificate")
    assert not result.of("Encryption")
    assert result.outputs["schedulerAddress"] == "tcp://10.0.0.1:8786"
    assert [line for line in result.log if "mspass:cluster.encryption: false" in line]
    files = opened(result.of("ClientProfile")["client-profile"].inputs["files"])
    assert "tls" not in "".join(files.values())


def lab_hosts(lab: Run) -> list[str]:
    return [name.partition("@")[2] for name in lab.of("HostFiles")]


def test_the_users_files_are_in_the_stacks_directory_where_this_machine_is_a_host(deploy: Deploy) -> None:
    hosts = _config()["mspass:cluster"]["hosts"] | {"head": {"address": "10.0.0.1"}}
    result = deploy(_config(hosts=hosts), "lab")
    assert set(result.of("HostFiles")) == {"files@head", "files@node1", "files@node2"}
    assert result.outputs["clientProfile"] == "/srv/mspass/lab-cluster/client/profile.env"
    files = opened(result.of("ClientProfile")["client-profile"].inputs["files"])
    assert set(files) == {f"/srv/mspass/lab-cluster/client/{name}" for name in ("profile.env", "ca.pem", "dask.pem")}


def _spark(**changes: Any) -> dict[str, Any]:
    pool = _config()["mspass:cluster"]["pool"]
    return _config(runtime="native", python="/opt/python", pool={**pool, "scheduler": "spark"}, **changes)


def test_under_spark_all_hosts_agree_on_it_and_a_worker_alone_on_its_host_trusts_the_database(deploy: Deploy) -> None:
    config = _spark(hosts=_config()["mspass:cluster"]["hosts"] | NEW)
    config["mspass:cluster"]["pool"]["workers"] = {"node9": {"processes": 1, "memory": "1GiB"}}
    result = deploy(config, "lab")
    assert not result.error
    asked = result.of("Preflight")["preflight"].inputs["hosts"]
    assert [asked[host]["versions"] for host in ("head", "node9")] == [["pyspark"], ["pyspark"]]
    assert "java" in asked["head"]["modules"]
    names = {PurePosixPath(path).name for path in opened(result.of("HostFiles")["files@node9"].inputs["files"])}
    assert names == {"client.env", "ca.pem", "spark-defaults.conf", "java-opts"}


def test_where_spark_has_no_frontend_programs_beside_a_worker_have_what_clients_have(deploy: Deploy) -> None:
    config = _spark()
    there = {entry["name"]: entry["clients"] for entry in deploy(config, "lab").outputs["inventory"]["processes"]}
    assert not any(there.values())
    del config["mspass:cluster"]["frontend"]
    result = deploy(config, "lab")
    assert not result.error
    beside = {entry["name"]: entry["clients"] for entry in result.outputs["inventory"]["processes"]}
    client, worker = "/srv/mspass/lab-cluster/secrets/spark-client", "spark-worker-node1"
    assert {name for name, clients in beside.items() if clients} == {name for name in beside if "worker" in name}
    assert (beside[worker]["SPARK_CONF_DIR"], beside[worker]["SPARK_LOCAL_IP"]) == (client, "10.0.0.2")
    files = opened(result.of("HostFiles")["files@node1"].inputs["files"])
    assert "spark.master spark://10.0.0.1:7077" in files[f"{client}/spark-defaults.conf"]
    assert f"{client}/log4j2.properties" in files


def test_a_machine_that_is_no_host_has_for_spark_what_depends_on_whether_hosts_connect_back(deploy: Deploy) -> None:
    cluster = _config()["mspass:cluster"]
    for own, told in ({}, True), ({"head": {"address": "10.0.0.1"}}, False):
        result = deploy(_spark(hosts=cluster["hosts"] | own), "lab")
        assert not result.error
        profile = result.of("ClientProfile")["client-profile"].inputs
        text = opened(profile["files"])[result.outputs["clientProfile"]]
        assert bool(profile.get("guest")) == told
        assert ("SPARK_CONF_DIR" in text) != told
        assert "MASTER='spark://10.0.0.1:7077'" in text
        assert "spark-secret" not in text
        if told:
            guest, files = profile["guest"], opened(profile["guestFiles"])
            assert guest["host"] == "node1"
            assert guest["remark"].startswith("Programs for Spark run in Jupyter or by `mspass-stack run`")
            assert guest["environment"]["PYSPARK_PYTHON"] == "/opt/python"
            assert any("spark.master spark://10.0.0.1:7077" in content for content in files.values())


def test_no_secret_shows_in_an_input(lab: Run) -> None:
    assert not [text for found in lab.resources for text in shown(found.inputs) if MARK in text]


@pytest.mark.parametrize("host", ["head", "node9"], ids=["a known host", "a new host"])
def test_a_worker_host_more_changes_no_other_container(lab: Run, deploy: Deploy, host: str) -> None:
    cluster = _config()["mspass:cluster"]
    workers = {host: {"processes": 1, "memory": "1GiB"}, **cluster["pool"]["workers"]}
    grown = deploy(_config(hosts=NEW | cluster["hosts"], pool={**cluster["pool"], "workers": workers}), "lab")
    assert _unchanged(lab, grown) == set(lab.of("Container"))
    assert set(grown.of("Container")) - set(lab.of("Container")) == {f"worker-{host}@{host}"}


def test_a_worker_host_less_changes_no_other_container(lab: Run, deploy: Deploy) -> None:
    cluster = _config()["mspass:cluster"]
    workers = {"node1": cluster["pool"]["workers"]["node1"]}
    shrunk = deploy(_config(pool={**cluster["pool"], "workers": workers}), "lab")
    assert _unchanged(shrunk, lab) == set(shrunk.of("Container")) == set(lab.of("Container")) - {"worker-node2@node2"}


@pytest.mark.parametrize("host", ["head", "node9"], ids=["a known host", "a new host"])
def test_a_shard_more_changes_no_other_container(lab: Run, deploy: Deploy, host: str) -> None:
    cluster = _config()["mspass:cluster"]
    database = {**cluster["database"], "shards": {**cluster["database"]["shards"], "c": [host]}}
    grown = deploy(_config(hosts=NEW | cluster["hosts"], database=database), "lab")
    assert _unchanged(lab, grown) == set(lab.of("Container"))
    assert set(grown.of("Container")) - set(lab.of("Container")) == {f"shard-c-{host}@{host}"}


def test_a_shard_written_before_another_one_of_its_host_is_seen_by_the_preflight(lab: Run, deploy: Deploy) -> None:
    shards = _config()["mspass:cluster"]["database"]["shards"]
    before = lab.of("Preflight")["preflight"].inputs["shards"]
    assert before.items() >= {"a": {"node1": 27018}, "b": {"node2": 27018}}.items()
    database = {**_config()["mspass:cluster"]["database"], "shards": {"first": ["node1"], **shards}}
    after = deploy(_config(database=database), "lab").of("Preflight")["preflight"].inputs["shards"]
    assert after.items() >= {"first": {"node1": 27018}, "a": {"node1": 27019}, "b": {"node2": 27018}}.items()
    assert list(moved_shards(before, after, [])), "and refused"


def test_config_servers_that_move_are_seen_by_the_preflight(lab: Run, deploy: Deploy) -> None:
    before = lab.of("Preflight")["preflight"].inputs["shards"]
    database = {**_config()["mspass:cluster"]["database"], "router": ["node9"]}
    hosts = NEW | _config()["mspass:cluster"]["hosts"]
    after = deploy(_config(hosts=hosts, database=database), "lab")
    assert set(after.of("Container")) - set(lab.of("Container")) == {"configsvr-node9@node9", "mongos-node9@node9"}
    assert list(moved_shards(before, after.of("Preflight")["preflight"].inputs["shards"], [])), "and refused"


def test_another_connection_to_a_host_changes_no_container_and_no_input_that_a_diff_sees(
    lab: Run, deploy: Deploy
) -> None:
    hosts = {
        name: {**host, "ssh": {"user": "other", "port": 2222, "jump": "me@gate"}}
        for name, host in _config()["mspass:cluster"]["hosts"].items()
    }
    other = deploy(_config(hosts=hosts), "lab")
    assert _unchanged(lab, other) == set(lab.of("Container"))
    seen: set[str] = set()
    for found in lab.resources:
        if found.type.startswith("mspassnode:"):
            kind = found.type.rsplit(":", 1)[1]
            again = other.of(kind)[found.name].inputs
            differ = {key for key in again if again[key] != found.inputs[key]}
            assert differ <= getattr(resources, kind).model.marked("unseen")
            seen |= differ
    assert seen == {"connection", "probeConnection", "connections", "drainConnection"}


@pytest.mark.parametrize(
    ("runtime", "manager", "name", "python"),
    [
        ("docker", "docker-engine", "mspass-lab-scheduler", "python3"),
        ("native", "supervisord", "scheduler", "/py/python"),
    ],
)
def test_workers_know_where_they_are_retired_under_every_runtime(
    deploy: Deploy, runtime: str, manager: str, name: str, python: str
) -> None:
    result = deploy(_config(runtime=runtime, python=python), "lab")
    drain = {
        "manager": manager,
        "process": name,
        "stackDir": "/srv/mspass/lab-cluster",
        "python": python,
        "program": "drain.py",
        "words": ["tls://10.0.0.1:8786", "worker-node2"],
    }
    ready, turn = result.of("Ready"), result.of("Turn")["turn-worker-node2@node2"]
    assert ready["ready-worker-node2@node2"].inputs["drain"] == turn.inputs["drain"] == drain
    assert turn.inputs["drainConnection"]["host"] == "head"
    assert "turn-worker-node2@node2" in result.running["worker-node2@node2"].after
    assert "drain" not in ready["ready-scheduler@head"].inputs


@pytest.mark.parametrize("runtime", ["docker", "native"])
def test_whoever_takes_turns_takes_one_when_what_it_is_restarted_for_changes(deploy: Deploy, runtime: str) -> None:
    result = deploy(_config(runtime=runtime), "lab")
    turns = {name.removeprefix("turn-"): found.inputs["digest"] for name, found in result.of("Turn").items()}
    assert set(result.running) == set(turns)
    for name, digest in turns.items():
        process = result.running[name]
        carried = process.inputs["digest"] if runtime == "native" else _labels(process)["mspass.digest"]
        assert digest == carried, name


def _before(result: Run, process: str) -> set[str]:
    """The processes whose restart a process's turn waits for."""
    return {name for name in result.of("Turn")[f"turn-{process}"].after if name in result.running}


@pytest.mark.parametrize("runtime", ["docker", "native"])
def test_members_take_their_turns_one_by_one_sets_side_by_side_and_routers_last(deploy: Deploy, runtime: str) -> None:
    hosts = ("head", "node1", "node2")
    database = {
        "router": ["head", "node1"],
        "config": list(hosts),
        "shards": {"a": list(hosts), "b": ["node1", "node2", "head"]},
        "cache": "256MiB",
    }
    result = deploy(_config(runtime=runtime, database=database), "lab")
    assert not result.error
    config = [f"configsvr-{host}@{host}" for host in hosts]
    shards = {"a": [f"shard-a-{host}@{host}" for host in hosts]}
    shards["b"] = [f"shard-b-{host}@{host}" for host in ("node1", "node2", "head")]
    for index, member in enumerate(config):
        assert _before(result, member) == set(config[max(index - 1, 0) : index])
    for members in shards.values():
        for index, member in enumerate(members):
            assert _before(result, member) == {*config, *members[max(index - 1, 0) : index]}
    members = {*config, *shards["a"], *shards["b"]}
    assert _before(result, "mongos-head@head") == members
    assert _before(result, "mongos-node1@node1") == {*members, "mongos-head@head"}
    asked = result.of("Turn")
    assert [one["address"] for one in asked["turn-mongos-head@head"].inputs["meanwhile"]] == ["10.0.0.2"]
    assert set(asked["turn-shard-b-head@head"].inputs["members"]) == set(hosts)
    assert {name for name, turn in asked.items() if turn.inputs["halts"]} == {
        "turn-scheduler@head",
        "turn-frontend@head",
    }


def test_what_nobody_else_does_is_announced_with_how_long_it_stands_still(lab: Run) -> None:
    halts = {name: str(turn.inputs["halts"]) for name, turn in lab.of("Turn").items()}
    assert halts["turn-shard-a-node1@node1"] == (
        "replica set 'a' is not served while it restarts: for seconds as a rule, at most 120 and the start"
    )
    assert halts["turn-mongos-head@head"].startswith("the database is not served while it restarts")
    assert halts["turn-worker-node1@node1"] == ""


def test_a_pool_is_restarted_half_by_half(deploy: Deploy) -> None:
    workers = {host: {"processes": 1, "memory": "512MiB"} for host in ("head", "node1", "node2")}
    result = deploy(_config(pool={"host": "head", "workers": workers}), "lab")
    first = {"worker-head@head", "worker-node1@node1"}
    for name in first:
        assert not _before(result, name) & {f"worker-{host}@{host}" for host in workers}
    assert _before(result, "worker-node2@node2") >= first
    probes = result.of("Turn")["turn-worker-node2@node2"].inputs["meanwhile"]
    assert [one["name"] for one in probes] == ["worker-head", "worker-node1"]


@pytest.mark.parametrize("runtime", ["docker", "native"])
def test_what_speaks_dask_waits_until_all_pythons_are_of_one_version(deploy: Deploy, runtime: str) -> None:
    result = deploy(_config(runtime=runtime), "lab")
    match = result.of("VersionMatch")["versions"]
    of = "image@" if runtime == "docker" else ""
    hosts = ("head", "node1", "node2")
    assert match.inputs["hosts"] == {host: {"distributed": f"of {of}{host}"} for host in hosts}
    for name, found in result.running.items():
        assert ("versions" in found.after) == name.startswith(("scheduler", "worker", "frontend"))


def test_hosts_of_one_lab_may_have_different_runtimes(deploy: Deploy) -> None:
    hosts = _config()["mspass:cluster"]["hosts"]
    hosts = hosts | {"node1": {**hosts["node1"], "runtime": "native", "python": "/py/python"}}
    result = deploy(_config(hosts=hosts), "lab")
    assert not result.error
    assert set(result.of("HostProcess")) == {"shard-a-node1@node1", "worker-node1@node1"}
    assert {name.partition("@")[2] for name in result.of("Container")} == {"head", "node2"}
    assert set(result.of("ContainerImage")) == {"image@head", "image@node2"}
    versions = result.of("VersionMatch")["versions"].inputs["hosts"]
    assert versions["node1"] == {"distributed": "of node1"}
    assert versions["node2"] == {"distributed": "of image@node2"}


def test_jupyter_waits_until_the_shards_are_registered(lab: Run) -> None:
    assert "sharded-cluster" in lab.of("Container")["frontend@head"].after
    assert "sharded-cluster" not in lab.of("Container")["scheduler@head"].after


def test_the_members_of_a_set_are_ready_after_it_is_initiated(lab: Run) -> None:
    for name in ("configsvr-head@head", "shard-a-node1@node1", "mongos-head@head"):
        assert "sharded-cluster" in lab.of("Ready")[f"ready-{name}"].after


def test_the_sharded_cluster_is_reported_its_sets_routers_keys_and_users(lab: Run) -> None:
    inputs = lab.of("ShardedCluster")["sharded-cluster"].inputs
    stack_dir = {"stackDir": "/srv/mspass/lab-cluster"}
    assert inputs["config"] == {"head": {"address": "10.0.0.1", "port": 27018, **stack_dir}}
    assert inputs["routers"] == {"head": {"address": "10.0.0.1", "port": 27017, **stack_dir}}
    assert inputs["shards"] == {
        "a": {"node1": {"address": "10.0.0.2", "port": 27018, **stack_dir}},
        "b": {"node2": {"address": "10.0.0.3", "port": 27018, **stack_dir}},
    }
    assert inputs["collections"] == _config()["mspass:cluster"]["database"]["collections"]
    assert set(inputs["connections"]) == {"head", "node1", "node2"}
    assert isinstance(inputs["keyFile"], Secret)
    assert opened(inputs["users"]) == {
        "mspass": {
            "password": f"{MARK}mongodb-password",
            "roles": ["readWriteAnyDatabase", "dbAdminAnyDatabase"],
        }
    }
    assert MARK not in "".join(shown(inputs["users"]))
    servers = ("configsvr-head@head", "shard-a-node1@node1", "shard-b-node2@node2", "mongos-head@head")
    assert sorted(inputs["incarnations"]) == sorted(f"id of {name}" for name in servers)


def test_the_sets_of_several_members_are_reported_whole(deploy: Deploy) -> None:
    database = {"router": ["head"], "config": ["node1", "node2"], "shards": {"a": ["node1", "head"]}, "cache": "1GiB"}
    result = deploy(_config(database=database), "lab")
    inputs = result.of("ShardedCluster")["sharded-cluster"].inputs
    assert {host: place["port"] for host, place in inputs["config"].items()} == {"node1": 27018, "node2": 27018}
    assert {host: place["port"] for host, place in inputs["shards"]["a"].items()} == {"node1": 27019, "head": 27018}
    command = result.of("Container")["mongos-head@head"].inputs["command"]
    assert command[command.index("--configdb") + 1] == "configserver/10.0.0.2:27018,10.0.0.3:27018"
    addresses = {name: found.inputs["addresses"] for name, found in result.of("AddressRepair").items()}
    assert addresses["addresses-configsvr-node2@node2"] == {"a": "a/10.0.0.2:27019,10.0.0.1:27018"}
    seeds = {"configserver": "configserver/10.0.0.2:27018,10.0.0.3:27018"}
    assert addresses["addresses-shard-a-head@head"] == seeds


def test_an_unsharded_lab_has_users_and_neither_sets_nor_address_repairs(deploy: Deploy) -> None:
    result = deploy(_config(database={"db": "node1"}), "lab")
    assert set(result.of("DatabaseUsers")) == {"users@node1"}
    assert not {"ShardedCluster", "AddressRepair", "MongoShardedCluster"} & set(result.types.values())
    command = result.of("Container")["mongod@node1"].inputs["command"]
    assert command[command.index("--bind_ip") + 1] == "10.0.0.2"
    assert {"ready-mongod@node1"} <= result.of("DatabaseUsers")["users@node1"].after
    assert result.of("Preflight")["preflight"].inputs["documents"] == {"host": "node1", "address": "10.0.0.2"}


def test_addresses_in_kept_data_are_repaired_before_their_server_starts(lab: Run) -> None:
    assert set(lab.of("AddressRepair")) == {
        "addresses-configsvr-head@head",
        "addresses-shard-a-node1@node1",
        "addresses-shard-b-node2@node2",
    }
    for name, found in lab.of("AddressRepair").items():
        assert name in lab.of("Container")[name.removeprefix("addresses-")].after
        assert found.inputs["data"].startswith("/srv/mspass/lab-cluster/data_")
    assert lab.of("AddressRepair")["addresses-shard-a-node1@node1"].inputs["addresses"] == {
        "configserver": "configserver/10.0.0.1:27018"
    }


def test_an_abandoned_host_is_given_to_an_engine_that_has_nothing(deploy: Deploy) -> None:
    result = deploy({**_config(), "mspass:abandon": ["node9"]}, "lab")
    providers = {found.name: found.inputs for found in result.resources if found.type == "pulumi:providers:docker"}
    assert providers["docker@node9"]["host"] == "unix:///stub/mspassnode:index:startStubEngine"
    (provider,) = (found for found in result.resources if found.name == "docker@node9")
    assert "preflight" in provider.after, "which refuses to give up what was not drained"
    assert not [found.name for found in result.resources if found.name.endswith("@node9") and found != provider]
    assert result.of("Preflight")["preflight"].inputs["abandoned"] == ["node9"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (["node1"], "mspass:abandon: 'node1' still plays mspass:cluster.database.shards.a[0]"),
        ({"node1": {}}, "mspass:abandon: {'node1': {}}: expected a list of hosts"),
        ("node9", "mspass:abandon: 'node9': expected a list of hosts"),
    ],
    ids=["a host with a role", "no list", "a name alone"],
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


def test_jupyter_for_everybody_has_its_own_authority_in_the_outputs(lab: Run, deploy: Deploy) -> None:
    frontend = _config()["mspass:cluster"]["frontend"] | {"expose": "tls"}
    for encryption in (True, False):
        result = deploy(_config(frontend=frontend, encryption=encryption), "lab")
        assert not result.error
        authority = result.outputs["jupyterAuthority"]
        assert authority
        assert opened(result.outputs["jupyterUrl"]).startswith("https://10.0.0.1:8888/lab?token=")
        assert result.of("Ready")["ready-frontend@head"].inputs["authority"] == authority
        inventory = Inventory.model_validate(result.outputs["inventory"])
        assert inventory.pages_authority == authority
        assert inventory.authority == (authority if encryption else "")
        files = opened(result.of("HostFiles")["files@head"].inputs["files"])
        assert [path for path in files if path.endswith("/secrets/jupyter.pem")]
    assert "jupyterAuthority" not in lab.outputs
    assert opened(lab.outputs["jupyterUrl"]).startswith("http://127.0.0.1:8888/lab?token=")
    assert lab.outputs["connect"] == "mspass-stack connect --stack lab"
    assert lab.of("Ready")["ready-frontend@head"].inputs["authority"] == ""
