"""What the simulated Slurm cluster promises to the tests that stand on it."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from mspass_stack.polling import wait_until
from tests.harness.engine import NoEngine
from tests.harness.lab import LabError, cgroup
from tests.harness.project import ROOT
from tests.harness.slurm import SlurmCluster
from tests.harness.slurm.network import NETWORK

JOB = "--wrap=srun sleep 600"
SLEEP = "^/usr/bin/sleep 600"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmCluster]:
    cluster = SlurmCluster(tmp_path_factory.mktemp("slurm"))
    try:
        cluster.up()
        yield cluster
    except NoEngine as error:
        pytest.skip(str(error))
    finally:
        cluster.close()


@pytest.fixture(autouse=True)
def no_jobs(cluster: SlurmCluster) -> Iterator[None]:
    """Tests leave no jobs to the next."""
    yield
    if cluster.directory.exists() and cluster.is_on("login"):
        cluster.execute("login", "scancel", "--user=alice")
        assert wait_until(lambda: not _queue(cluster), 60)


def test_six_nodes_are_idle_of_the_size_that_they_pose_as(cluster: SlurmCluster) -> None:
    lines = cluster.as_user("login", "sinfo", "--noheader", "--format=%P %t %D %c %m %l").splitlines()
    assert sorted(lines) == ["main* idle 6 4 4000 1:00:00", "short idle 6 4 4000 10:00"]


def test_a_user_logs_in_and_runs_a_job_on_several_nodes(cluster: SlurmCluster) -> None:
    assert cluster.ssh("login", "id -un; id -u; hostname; pwd").split() == ["alice", "1000", "login", "/home/alice"]
    assert set(cluster.ssh("login", "srun --nodes=3 hostname").split()) == {"n1", "n2", "n3"}
    assert cluster.ssh("login", "ssh n6 hostname") == "n6\n"
    assert cluster.ssh("n6", "hostname") == "n6\n"


def test_home_and_scratch_are_shared_and_tmp_is_not(cluster: SlurmCluster) -> None:
    cluster.as_user("n1", "touch", "mine", "/scratch/mine", "/tmp/mine")
    assert (cluster.home / "mine").stat().st_uid == 1000
    assert cluster.as_user("n2", "ls", "mine", "/scratch/mine", "/tmp/mine", check=False).split() == [
        "/scratch/mine",
        "mine",
    ]
    assert cluster.as_user("login", "ls", "/home/alice", user="bob", check=False) == ""
    assert cluster.as_user("login", "rm", "-f", "/scratch/mine", user="bob", check=False) == ""
    assert cluster.as_user("login", "ls", "/scratch") == "mine\n"


def test_a_users_container_has_what_the_roles_run(cluster: SlurmCluster) -> None:
    look = "mongod --version; mongos --version; python3 -c 'import dask, pymongo, obspy; print(obspy.__version__)'"
    output = cluster.as_user("n1", "apptainer", "--silent", "exec", cluster.image, "sh", "-ec", look)
    assert output.startswith("db version v6.0")


def test_no_node_has_a_way_out(cluster: SlurmCluster) -> None:
    for name in ("login", "n1"):
        assert cluster.execute(name, "ip", "route", "show", "default") == ""


def test_a_job_that_no_partition_takes_says_why(cluster: SlurmCluster) -> None:
    for words in (("--nodes=3",), ("--time=20",)):
        cluster.as_user("login", "sbatch", "--partition=short", *words, JOB)
    assert wait_until(lambda: _queue(cluster) == ["PENDING PartitionNodeLimit", "PENDING PartitionTimeLimit"], 10)


def test_a_job_outlives_slurmctld_and_the_login_host(cluster: SlurmCluster) -> None:
    cluster.as_user("login", "sbatch", "--nodes=2", JOB)
    assert wait_until(lambda: cluster.processes("n2", SLEEP), 10)
    before = cluster.processes("n2", SLEEP)
    assert wait_until(lambda: _is_written_down(cluster), 20)
    cluster.kill_slurmctld()
    assert not cluster.as_user("login", "sinfo", check=False)
    cluster.start_slurmctld()
    assert _queue(cluster) == ["RUNNING None"]
    cluster.crash("login")
    assert not cluster.is_on("login")
    cluster.power_on("login")
    assert _queue(cluster) == ["RUNNING None"]
    assert cluster.processes("n2", SLEEP) == before


def test_a_crashed_node_is_noticed_and_comes_back(cluster: SlurmCluster) -> None:
    cluster.execute("n2", "touch", "/var/tmp/kept")
    cluster.as_user("login", "sbatch", "--no-requeue", "--nodelist=n2", JOB)
    assert wait_until(lambda: cluster.processes("n2", SLEEP), 10)
    cluster.crash("n2")
    assert wait_until(lambda: not cluster.is_on("n2"), 10)
    assert wait_until(lambda: cluster.states()["n2"] == "down*", 60)
    assert not _queue(cluster)
    cluster.power_on("n2")
    assert cluster.states()["n2"] == "idle"
    assert cluster.execute("n2", "ls", "/var/tmp") == "kept\n"
    assert cluster.as_user("login", "srun", "--nodelist=n2", "hostname") == "n2\n"


def test_a_node_that_crashes_and_returns_at_once_has_lost_its_job(cluster: SlurmCluster) -> None:
    cluster.as_user("login", "sbatch", "--no-requeue", "--nodelist=n3", JOB)
    assert wait_until(lambda: cluster.processes("n3", SLEEP), 10)
    cluster.crash("n3")
    cluster.power_on("n3")
    assert not cluster.processes("n3", SLEEP)


def test_a_drained_node_takes_no_job_until_it_is_resumed(cluster: SlurmCluster) -> None:
    cluster.drain("n1")
    assert cluster.as_user("login", "srun", "--nodes=1", "hostname") != "n1\n"
    assert cluster.states()["n1"] == "drained"
    cluster.resume("n1")
    assert cluster.states()["n1"] == "idle"


def test_a_firewall_leaves_this_machine_the_login_hosts_sshd(cluster: SlurmCluster) -> None:
    ports = [("login", 22), ("login", cluster.strict_port), ("login", 6817), ("n1", 22), ("n1", 6818)]
    assert [_reaches(cluster, *port) for port in ports] == [True] * 5
    cluster.firewall()
    assert [_reaches(cluster, *port) for port in ports] == [True, True, False, False, False]
    assert cluster.ssh("login", "srun hostname; ssh n2 hostname") == "n1\nn2\n"
    cluster.firewall(shut=False)
    assert _reaches(cluster, "n1", 22)


def test_an_unplugged_login_host_runs_on(cluster: SlurmCluster) -> None:
    cluster.unplug()
    assert not _reaches(cluster, "login", 22)
    assert cluster.processes("login", "^slurmctld")
    cluster.plug()
    assert wait_until(lambda: _reaches(cluster, "login", 22), 10)


def test_the_strict_port_asks_for_a_key_and_a_password(cluster: SlurmCluster, tmp_path: Path) -> None:
    (tmp_path / "askpass").write_text(f"#!/bin/sh\necho '{cluster.password}'\n")
    (tmp_path / "askpass").chmod(0o755)
    assert _strict(cluster, tmp_path / "askpass") == "login\n"
    assert _strict(cluster, Path("/bin/false")) == ""
    assert _strict(cluster, tmp_path / "askpass", "PubkeyAuthentication=no") == ""


def test_another_process_finds_the_cluster_by_its_folder(cluster: SlurmCluster) -> None:
    other = SlurmCluster.attach(cluster.directory)
    assert other.names == cluster.names
    assert other.ssh("login", "hostname") == "login\n"


def test_close_leaves_nothing(cluster: SlurmCluster) -> None:
    processes = [psutil.Process(pid) for name in ("login", *cluster.names) for pid in NETWORK.pids(name)]
    cluster.close()
    cluster.close()
    assert processes
    assert not [process for process in processes if _live(process)]
    assert not _traces(cluster.directory)
    with pytest.raises(LabError, match="no cluster is up"):
        SlurmCluster.attach(cluster.directory)


def test_a_killed_process_leaves_a_cluster_that_the_next_one_closes(tmp_path: Path) -> None:
    up = "SlurmCluster(pathlib.Path(sys.argv[1]), 1, hostile=['quota']).up()"
    program = f"import sys, pathlib; from tests.harness.slurm import SlurmCluster; {up}"
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], cwd=ROOT) as process:
        assert wait_until(lambda: NETWORK.pids("n1"), 60)
        process.kill()
    assert _traces(tmp_path)
    SlurmCluster(tmp_path).close()
    assert not _traces(tmp_path)


def _queue(cluster: SlurmCluster) -> list[str]:
    return sorted(cluster.execute("login", "squeue", "--noheader", "--format=%T %r").splitlines())


def _is_written_down(cluster: SlurmCluster) -> bool:
    """Whether slurmctld has a file that says that the job runs."""
    words = ("squeue", "--noheader", "--states=running", "--format=%S")
    began = cluster.execute("login", "env", "SLURM_TIME_FORMAT=%s", *words)
    written = cluster.execute("login", "stat", "--format=%Y", "/var/spool/slurmctld/job_state")
    return bool(began) and int(written) > int(began)


def _reaches(cluster: SlurmCluster, name: str, port: int) -> bool:
    """Whether this machine connects to a port within a second."""
    with suppress(OSError), socket.create_connection((cluster.address(name), port), 1):
        return True
    return False


def _strict(cluster: SlurmCluster, askpass: Path, option: str = "PubkeyAuthentication=yes") -> str:
    asked = {"SSH_ASKPASS": str(askpass), "SSH_ASKPASS_REQUIRE": "force"}
    words = ["ssh", "-F", str(cluster.ssh_config), "-o", option, "strict", "hostname"]
    return subprocess.run(words, env=os.environ | asked, capture_output=True, text=True, timeout=30).stdout


def _live(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def _traces(directory: Path) -> set[str]:
    """What this machine has of this process's cluster: mounts, links, namespaces and control groups."""
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    traces = {f"mount {line}" for line in mounts if NETWORK.spaces in line or str(directory) in line}
    traces |= {f"link {path.name}" for path in Path("/sys/class/net").glob(NETWORK.name)}
    traces |= {f"space {path.name}" for path in Path("/run/netns").glob(f"{NETWORK.spaces}*")}
    return traces | {f"group {path}" for path in cgroup.of(NETWORK.name)}
