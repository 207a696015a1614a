"""What a stack declares whose hosts are the nodes of a Slurm job."""

import re
import socket
from pathlib import Path
from typing import Any

import pytest
import yaml
from mocked_engine import MARK, Run, Secret, opened, shown
from own_program import PROJECT, Deploy

from mspass_stack import Inventory, Topology, make_plan, read_cluster

FILES = [PROJECT / "stacks" / f"Pulumi.{name}.yaml" for name in ("hpc", "hpc-sharded")]


def _config(file: Path) -> dict[str, Any]:
    return yaml.safe_load(file.read_text())["config"]


@pytest.fixture(params=FILES, ids=lambda file: file.name)
def file(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture
def declared(file: Path, deploy: Deploy) -> Run:
    result = deploy(_config(file), "hpc")
    assert not result.error
    return result


@pytest.fixture
def topology(file: Path, tmp_path: Path) -> Topology:
    cluster = read_cluster(_config(file)["mspass:cluster"])
    return make_plan(cluster, "hpc", {}, tmp_path, "python3").topology


def test_a_job_that_starts_at_once_finds_everything(declared: Run, topology: Topology) -> None:
    assert sorted(declared.programs) == sorted(process.key for process in topology.processes)
    written = {**declared.of("HostProcess"), **declared.of("NodeProcesses")}
    assert all("files@nodes" in program.after for program in written.values())
    assert all("image" in program.after for program in written.values())
    assert "files@nodes" in declared.of("ApptainerImage")["image"].after
    assert set(written) <= declared.of("SlurmJob")["job"].after
    assert "job" in declared.of("Allocation")["nodes"].after


def test_whatever_speaks_with_a_process_waits_for_the_nodes(declared: Run) -> None:
    asking = [
        *declared.of("Ready").values(),
        *declared.of("NodesReady").values(),
        *declared.of("ShardedCluster").values(),
        *declared.of("Encryption").values(),
    ]
    assert len(asking) > len(declared.of("HostProcess"))
    for one in asking:
        assert "nodes" in one.after
        assert not one.after & {"job"} or "nodes" in one.after


def test_another_start_of_the_job_probes_all_again(declared: Run) -> None:
    for check in (*declared.of("Ready").values(), *declared.of("NodesReady").values()):
        assert any(str(run).startswith("4711.0/") for run in check.inputs["incarnations"])


def test_the_nodes_have_their_files_and_a_certificate_together(declared: Run, topology: Topology) -> None:
    assert set(declared.of("HostFiles")) == {"files@nodes"}
    (certificate,) = declared.of("Certificate").values()
    assert {host.address for host in topology.hosts.values()} <= set(certificate.inputs["names"])


def test_nothing_is_rendered_by_the_node_of_the_day(declared: Run, topology: Topology) -> None:
    """So that another job changes no digest: the names are those of the stack."""
    for process in topology.processes:
        assert process.address in (f"{process.host}.hpc", "127.0.0.1")


@pytest.mark.parametrize("size", [{"cores": 2}, {"cores": 128, "memory": "500GiB"}, {"memory": "3000MiB"}])
def test_nodes_of_another_size_change_no_digest(
    file: Path, declared: Run, deploy: Deploy, size: dict[str, Any]
) -> None:
    config = _config(file)
    config["mspass:cluster"]["slurm"] |= size
    other = deploy(config, "hpc").programs
    assert {name: process["digest"] for name, process in other.items()} == {
        name: process["digest"] for name, process in declared.programs.items()
    }


def test_what_depends_on_a_node_is_put_in_there(file: Path, tmp_path: Path) -> None:
    config = _config(file)["mspass:cluster"] | {"pool": {"host": "node0", "workers": {"node[3-4]": {}}}}
    plan = make_plan(read_cluster(config), "hpc", {}, tmp_path, "python3")
    for process in plan.topology.of("worker"):
        line = " ".join(plan.command(process).argv)
        assert "--nworkers @cores@ " in line
        assert "--memory-limit @limit@ --local-directory /tmp " in line
        assert plan.command(process).probe.size_file.endswith(f"/run/{process.name}.size")
    for process in plan.topology.of("mongod", "configsvr", "shard"):
        assert "@cache@" in plan.command(process).argv


def test_several_mongod_on_a_node_need_no_cache_in_the_config(file: Path, tmp_path: Path) -> None:
    database = {"router": ["node0"], "shards": {"a": ["node0"], "b": ["node0"]}}
    config = _config(file)["mspass:cluster"] | {"database": database}
    assert make_plan(read_cluster(config), "hpc", {}, tmp_path, "python3")


def test_the_inventory_has_the_number_that_the_nodes_have_said(declared: Run) -> None:
    inventory = Inventory.model_validate(declared.outputs["inventory"])
    assert {entry.workers for entry in inventory.with_role("worker")} == {7}


def test_kept_data_need_no_repair_and_nothing_is_for_this_machine(declared: Run) -> None:
    assert not {"AddressRepair", "ClientProfile"} & set(declared.types.values())


def test_what_may_not_be_away_at_once_takes_turns_before_the_job_is_asked_for(declared: Run) -> None:
    programs, turns = declared.of("HostProcess"), declared.of("Turn")
    assert turns
    for name, turn in turns.items():
        process = name.removeprefix("turn-")
        assert name in programs[process].after
        assert "files@nodes" in turn.after
        assert "nodes" not in turn.after


def test_members_on_one_disk_have_directories_of_their_own(file: Path, tmp_path: Path) -> None:
    database = {
        "router": ["node0"],
        "config": ["node0", "node1", "node2"],
        "shards": {"a": ["node[0-2]"]},
        "cache": "256MiB",
    }
    config = _config(file)["mspass:cluster"] | {"database": database}
    plan = make_plan(read_cluster(config), "hpc", {}, tmp_path, "python3")
    directories = [plan.command(process).directory for process in plan.topology.of("configsvr", "shard")]
    assert len(set(directories)) == 6


def test_outputs_that_carry_a_secret_are_secret_and_no_other_text_shows_one(declared: Run) -> None:
    assert {name for name, value in declared.outputs.items() if isinstance(value, Secret)} == {
        "jupyterUrl",
        "databaseUri",
    }
    texts = [text for found in declared.resources for text in (found.urn, *shown(found.inputs))]
    assert not [text for text in (*texts, *declared.log) if MARK in text]
    assert MARK in "".join(opened(declared.of("HostFiles")["files@nodes"].inputs["files"]).values())


def test_the_inventory_lists_the_processes_as_declared(declared: Run, topology: Topology) -> None:
    inventory = Inventory.model_validate(declared.outputs["inventory"])
    assert inventory.names == [process.name for process in topology.processes]
    assert {entry.runtime for entry in inventory.processes} == {"apptainer"}
    assert all(inventory.hosts[host].connection.job for host in inventory.hosts)


def test_a_laptop_is_told_how_it_reaches_the_pages(file: Path, deploy: Deploy, declared: Run) -> None:
    """On the login host by what `connect` opens there; from elsewhere by the node that has them."""
    here = declared.outputs["access"]
    assert here == (
        f"ssh -N -L 8888:127.0.0.1:8888 -L 8787:127.0.0.1:8787 {socket.gethostname()}"
        "  # while `mspass-stack connect --stack hpc` runs there"
    )
    config = _config(file)
    config["mspass:cluster"]["slurm"]["login"] = {
        "address": "login.example.org",
        "ssh": {"user": "me", "port": 2222, "jump": "gate"},
    }
    remote = deploy(config, "hpc")
    assert not remote.error
    ports = "-L 8888:127.0.0.1:8888 -L 8787:127.0.0.1:8787"
    assert remote.outputs["access"] == f"ssh -N {ports} -J gate,me@login.example.org:2222 me@n1"
    assert remote.outputs["connect"] == "mspass-stack connect --stack hpc"


def test_the_preflight_knows_what_is_asked_of_slurm(declared: Run) -> None:
    asked = declared.of("Preflight")["preflight"].inputs["job"]
    assert asked == declared.of("SlurmJob")["job"].inputs["asked"]
    assert "--nodes=5" in asked["directives"]


def test_an_image_that_is_built_is_one_file_by_a_name_that_its_uri_gives(
    file: Path, deploy: Deploy, tmp_path: Path
) -> None:
    config = _config(file)
    config["mspass:cluster"] |= {"image": "docker://registry.example.org:5000/team/mspass:v2@sha256:0", "datadir": "/d"}
    declared = deploy(config, "hpc")
    assert not declared.error
    (path,) = {word for one in declared.programs.values() for word in one["process"]["wrapper"] if ".sif" in word}
    assert re.fullmatch(r"/d/images/mspass-v2-[0-9a-f]{8}\.sif", path)
    assert declared.of("Preflight")["preflight"].inputs["hosts"]["nodes"]["image"].startswith("docker://")
    inventory = Inventory.model_validate(declared.outputs["inventory"])
    assert all(entry.image.endswith("@sha256:0") for entry in inventory.processes)


def test_what_the_job_runs_by_itself_is_there_before_it_and_restarts_nobody(
    file: Path, declared: Run, deploy: Deploy, tmp_path: Path
) -> None:
    (tmp_path / "work.py").write_text("print(1)")
    config = _config(file)
    config["mspass:cluster"]["batch"] = {"run": str(tmp_path / "work.py")}
    run = deploy(config, "hpc")
    assert not run.error
    assert run.of("SlurmJob")["job"].inputs["batch"]["beside"]["name"] == "frontend"
    assert "nodes" in run.of("Batch")["batch"].after
    assert run.outputs["batch"]["state"] == "waiting"
    assert {name: process["digest"] for name, process in run.programs.items()} == {
        name: process["digest"] for name, process in declared.programs.items()
    }
    assert "batch" not in declared.outputs
    assert "batch" not in declared.of("SlurmJob")["job"].inputs


def test_where_a_job_dials_out_a_program_of_it_leads_each_login_host_to_jupyter(
    file: Path, declared: Run, deploy: Deploy
) -> None:
    config = _config(file)
    config["mspass:cluster"]["slurm"] |= {
        "access": {"reverse": ["login1", "login2.example.org"]},
        "login": {"address": "login1.example.org", "ssh": {"user": "me", "jump": "gate"}},
    }
    run = deploy(config, "hpc")
    assert not run.error
    more = {name: process for name, process in run.programs.items() if name not in declared.programs}
    assert sorted(more) == ["reverse-login1@node0", "reverse-login2.example.org@node0"]
    process = more["reverse-login1@node0"]["process"]
    directory = process["stack_dir"]
    socket = process["argv"][-1]
    assert process["argv"] == [
        *("/bin/sh", "-c", 'exec "$MSPASS_JOB_PYTHON" -I "$MSPASS_JOB_AGENT" reverse "$@"', "sh"),
        *(directory, "login1", "127.0.0.1", "8888", socket),
    ]
    assert re.fullmatch("jupyter-hpc-[0-9a-f]{8}", socket)
    assert process["wrapper"] == []
    assert process["order"] > run.programs["frontend@node0"]["process"]["order"]
    assert set(more) <= run.of("SlurmJob")["job"].after
    assert "nodes" in run.of("ReverseAccess")["reverse"].after
    assert run.outputs["access"].splitlines() == [
        "ssh -N -L 8888:/tmp/of-login1 -J gate me@login1",
        "ssh -N -L 8888:/tmp/of-login2.example.org -J gate me@login2.example.org",
    ]
    assert [one["login"] for one in run.outputs["reverse"]] == ["login1", "login2.example.org"]
    assert "reverse" not in declared.outputs
    assert not declared.of("ReverseAccess")
