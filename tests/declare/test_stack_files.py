"""What each stack file of the project declares whose hosts are there anyway; of a Slurm job's see `test_slurm`."""

from pathlib import Path, PurePosixPath
from typing import Any

import mocked_engine
import pytest
import yaml
from mocked_engine import MARK, Declared, Run, Secret, opened, shown
from own_program import PROJECT, Deploy

from mspass_stack import Inventory, Topology, make_plan, read_cluster

FILES = sorted(path for path in (PROJECT / "stacks").glob("Pulumi.*.yaml") if "slurm:" not in path.read_text())

KINDS_OF_OUTPUT: dict[str, tuple[str, ...]] = {
    "databaseUri": ("mongod", "mongos"),
    "schedulerAddress": ("scheduler", "spark-master"),
    "dashboardUrl": ("scheduler", "spark-master"),
    "jupyterUrl": ("frontend",),
}


def _config(file: Path) -> dict[str, Any]:
    config = yaml.safe_load(file.read_text())["config"]
    return {**config, "mspass:jupyterPassword": {"secure": "v1:of the user"}}


@pytest.fixture(params=FILES, ids=lambda file: file.name)
def file(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture
def stack(file: Path) -> str:
    return file.name.split(".")[1]


@pytest.fixture
def declared(file: Path, stack: str, deploy: Deploy) -> Run:
    result = deploy(_config(file), stack)
    assert not result.error
    return result


@pytest.fixture
def topology(file: Path, stack: str, tmp_path: Path) -> Topology:
    cluster = read_cluster(_config(file)["mspass:cluster"])
    return make_plan(cluster, stack, dict.fromkeys(cluster.hosts, 2), tmp_path, "python3").topology


def test_every_process_of_the_plan_is_declared_with_its_readiness_check_and_nothing_else_runs(
    declared: Run, topology: Topology
) -> None:
    keys = [f"{process.name}@{process.host}" for process in topology.processes]
    assert sorted(declared.running) == sorted(keys)
    assert sorted(declared.of("Ready")) == sorted(f"ready-{key}" for key in keys)
    assert sorted(declared.of("HostFiles")) == sorted(f"files@{host}" for host in topology.hosts)
    assert set(declared.of("ClientProfile")) == {"client-profile"}


def test_a_process_starts_after_the_files_of_its_host_and_stops_before_all_kinds_of_earlier_processes(
    declared: Run, topology: Topology
) -> None:
    hosts = {process.name: process.host for process in topology.processes}
    for process in topology.processes:
        before = {f"{name}@{hosts[name]}" for name in process.after}
        found = declared.running[f"{process.name}@{process.host}"]
        assert {f"files@{process.host}", *before} <= found.after
        assert not found.after & set(declared.of("Ready")), "an edge through a check is lost with the check"


def test_a_readiness_check_waits_for_its_own_process_and_probes_its_next_incarnation(declared: Run) -> None:
    for name, check in declared.of("Ready").items():
        process = declared.running[name.removeprefix("ready-")]
        assert process.name in check.after
        run = f"id of {process.name}" if process.type.endswith(":Container") else f"run of {process.name}"
        assert run in check.inputs["incarnations"]
        assert check.inputs["process"]["argv"] == _argv(process)


def test_workers_are_probed_again_after_a_restart_of_the_scheduler(declared: Run, topology: Topology) -> None:
    scheduler = topology.one("scheduler")
    for worker in topology.of("worker"):
        assert scheduler
        check = declared.of("Ready")[f"ready-{worker.key}"]
        assert f"run of ready-{scheduler.key}" in check.inputs["incarnations"]


def test_nothing_is_written_before_the_preflight(declared: Run) -> None:
    (preflight,) = declared.of("Preflight")
    written = [*declared.of("HostFiles").values(), *declared.of("ClientProfile").values()]
    assert all(preflight in files.after for files in written)


def test_the_users_of_the_database_wait_until_it_is_ready(declared: Run, topology: Topology) -> None:
    for users in declared.of("DatabaseUsers").values():
        database = topology.one("mongod")
        assert database
        assert f"ready-{database.name}@{database.host}" in users.after
    for cluster in declared.of("ShardedCluster").values():
        members = topology.of("configsvr", "shard", "mongos")
        assert {f"{process.name}@{process.host}" for process in members} <= cluster.after


def test_a_process_is_restarted_when_a_secret_file_that_it_reads_changes(
    declared: Run, file: Path, stack: str, deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        mocked_engine.ANSWERS,
        "HostFiles",
        lambda _, inputs: {"digests": dict.fromkeys(opened(inputs["files"]), "another"), "user": "1000:1000"},
    )
    other = deploy(_config(file), stack)
    for name, process in declared.running.items():
        files = opened(declared.of("HostFiles")[f"files@{name.partition('@')[2]}"].inputs["files"])
        spec = declared.of("Ready")[f"ready-{name}"].inputs["process"]
        words = [*spec["argv"], *spec["environment"].values(), *spec["env_files"]]
        reads = {path for path in files if any(path in word or str(Path(path).parent) == word for word in words)}
        # A directory in the place of the files in it: they change while it runs.
        assert reads == {path for path in files if {path, str(PurePosixPath(path).parent)} & {*spec["reads"]}}
        assert (_digest(other.running[name]) != _digest(process)) == bool(reads)


def _digest(process: Declared) -> str:
    if process.type.endswith(":Container"):
        return next(label["value"] for label in process.inputs["labels"] if label["label"] == "mspass.digest")
    return process.inputs["digest"]


def _argv(process: Declared) -> list[str]:
    return process.inputs["command"] if process.type.endswith(":Container") else process.inputs["process"]["argv"]


def test_the_outputs_have_their_fixed_names(declared: Run, topology: Topology) -> None:
    expected = {"inventory", "clientProfile", *(["startAtBoot"] if declared.of("HostProcess") else [])}
    expected |= {"connect"} if any(host.connection.remote for host in topology.hosts.values()) else set()
    expected |= {name for name, kinds in KINDS_OF_OUTPUT.items() if topology.one(*kinds)}
    assert set(declared.outputs) == expected


def test_outputs_that_carry_a_secret_are_secret_and_the_others_are_not(declared: Run) -> None:
    secret = {name for name, value in declared.outputs.items() if isinstance(value, Secret)}
    assert secret == {"jupyterUrl", "databaseUri"} & set(declared.outputs)
    for name in secret:
        assert MARK in opened(declared.outputs[name])


def test_the_inventory_lists_the_processes_as_declared(declared: Run, topology: Topology, stack: str) -> None:
    inventory = Inventory.model_validate(declared.outputs["inventory"])
    assert inventory.stack == stack
    assert inventory.names == [process.name for process in topology.processes]
    for entry in inventory.processes:
        key = f"{entry.name}@{entry.host}"
        assert entry.argv == _argv(declared.running[key])
        assert entry.incarnation == f"run of ready-{key}"
        assert bool(entry.image) == bool(not entry.log) == (entry.runtime == "docker")
    assert {name: place.connection for name, place in inventory.hosts.items()} == {
        name: host.connection for name, host in topology.hosts.items()
    }


def test_no_secret_shows_in_an_input_an_output_or_a_message(declared: Run) -> None:
    texts = [text for found in declared.resources for text in (found.urn, *shown(found.inputs))]
    texts += [text for outputs in (declared.outputs, *declared.component_outputs) for text in shown(outputs)]
    assert not [text for text in (*texts, *declared.log) if MARK in text]


def test_the_secrets_reach_the_hosts_that_need_them_and_no_others(declared: Run, topology: Topology) -> None:
    database = topology.one("mongod", "mongos") is not None
    for name, found in declared.of("HostFiles").items():
        kinds = {process.kind for process in topology.on(name.partition("@")[2])}
        assert isinstance(found.inputs["files"], Secret)
        contents = "".join(opened(found.inputs["files"]).values())
        assert (f"{MARK}mongodb-password" in contents) == (database and bool(kinds & {"worker", "frontend"}))
        assert (f"{MARK}mongodb-keyfile" in contents) == bool(kinds & {"mongod", "configsvr", "shard", "mongos"})
        assert (f"{MARK}jupyter-token" in contents) == ("frontend" in kinds)
        assert (f"{MARK}certificate@" in contents) == bool(topology.encrypted)
        assert f"{MARK}ca" not in contents, "the authority's key leaves the state for nobody"
        assert f"{MARK}digest-key" not in contents


def test_the_users_own_files_have_what_a_client_needs_and_nothing_else(declared: Run, topology: Topology) -> None:
    files = declared.of("ClientProfile")["client-profile"].inputs["files"]
    assert isinstance(files, Secret)
    contents = "".join(opened(files).values())
    assert (f"{MARK}mongodb-password" in contents) == (topology.one("mongod", "mongos") is not None)
    assert (f"{MARK}client-certificate" in contents) == bool(topology.encrypted)
    for name in ("mongodb-keyfile", "jupyter-token", "ca", "digest-key"):
        assert f"{MARK}{name}" not in contents


def test_a_preview_declares_the_same(declared: Run, file: Path, stack: str, deploy: Deploy) -> None:
    assert deploy(_config(file), stack, preview=True).types == declared.types


def test_the_desktop_stack_declares_exactly_these_resources(deploy: Deploy) -> None:
    assert deploy(_config(PROJECT / "stacks" / "Pulumi.desktop.yaml")).types == {
        "mspass": "VirtualCluster",
        "foundation": "Foundation",
        "stack-id": "StackId",
        "mongodb-keyfile": "Secret",
        "mongodb-password": "Secret",
        "jupyter-token": "Secret",
        "digest-key": "Secret",
        "preflight": "Preflight",
        "files@desktop": "HostFiles",
        "client-profile": "ClientProfile",
        "database": "MongoDatabase",
        "turn-mongod@desktop": "Turn",
        "mongod@desktop": "HostProcess",
        "ready-mongod@desktop": "Ready",
        "users@desktop": "DatabaseUsers",
        "pool": "DaskPool",
        "turn-scheduler@desktop": "Turn",
        "scheduler@desktop": "HostProcess",
        "ready-scheduler@desktop": "Ready",
        "turn-worker-desktop@desktop": "Turn",
        "worker-desktop@desktop": "HostProcess",
        "ready-worker-desktop@desktop": "Ready",
        "frontend": "Frontend",
        "turn-frontend@desktop": "Turn",
        "frontend@desktop": "HostProcess",
        "ready-frontend@desktop": "Ready",
    }
