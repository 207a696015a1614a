"""What a simulated cluster is told to make harder."""

import socket
from collections.abc import Iterator

import pytest

from mspass_stack.polling import wait_until
from tests.harness.lab import LabError
from tests.harness.slurm import SlurmCluster
from tests.harness.slurm.hostile import Hostile

BIG = "x = bytearray(300 * 1024 * 1024); print('done')"

LISTEN = "import socket; server = socket.create_server(('', 8123)); print('listens', flush=True); server.accept()"
LOOK = "timeout 2 bash -c '< /dev/tcp/n2/8123' && echo reached || true"


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmCluster]:
    """A cluster with most of it; what it has not would hide some of the rest."""
    cluster = SlurmCluster(
        tmp_path_factory.mktemp("slurm"), 2, hostile=set(Hostile) - {Hostile.NO_HOME, Hostile.TASK_PLUGINS}
    )
    try:
        cluster.up()
        yield cluster
    finally:
        cluster.close()


def test_apptainer_is_found_by_its_module_in_login_shells_alone(closed: SlurmCluster) -> None:
    run = f"apptainer --silent exec {closed.image} mongod --version"
    for shell in (("sh", "-c", run), ("bash", "-c", f"module load tacc-apptainer; {run}"), ("bash", "-lc", run)):
        with pytest.raises(LabError, match="not found"):
            closed.as_user("n1", *shell)
    assert "db version" in closed.as_user("n1", "bash", "-lc", f"module load tacc-apptainer; {run}")
    with pytest.raises(LabError, match=r"unknown: \"python\""):
        closed.as_user("n1", "bash", "-lc", "module load python")


def test_every_shell_by_ssh_begins_with_a_banner(closed: SlurmCluster) -> None:
    for words in (("hostname",), ("bash -lc hostname",)):
        first, *_, last = closed.ssh("login", *words).splitlines()
        assert first.startswith("*** Welcome")
        assert last == "login"


def test_nodes_let_nobody_in_but_slurm_and_each_other(closed: SlurmCluster) -> None:
    assert closed.as_user("login", "srun", "--nodes=2", "true") == ""
    closed.execute("n2", "sh", "-c", 'setsid --fork python3 -c "$0" > /dev/null 2>&1', LISTEN)
    assert wait_until(lambda: closed.processes("n2", "8123"), 10)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((closed.address("n2"), 8123), 2)
    assert closed.as_user("login", "sh", "-c", LOOK) == ""
    assert wait_until(lambda: closed.as_user("n1", "sh", "-c", LOOK) == "reached\n", 10)


def test_nodes_have_no_sshd_and_no_sbatch(closed: SlurmCluster) -> None:
    with pytest.raises(LabError, match="port 22: Connection refused"):
        closed.as_user("login", "ssh", "n1", "true")
    with pytest.raises(LabError, match="sbatch: error: not allowed on compute nodes"):
        closed.as_user("login", "srun", "sbatch", "--wrap=true")


def test_a_login_has_few_addresses_and_a_job_has_all(closed: SlurmCluster) -> None:
    assert closed.ssh("login", "ulimit -v").splitlines()[-1] == "2097152"
    assert closed.as_user("login", "bash", "-c", "ulimit -v") == "2097152\n"
    assert closed.as_user("login", "srun", "bash", "-c", "ulimit -v") == "unlimited\n"


def test_a_folder_of_scratch_may_be_full(closed: SlurmCluster) -> None:
    write = ("dd", "if=/dev/zero", "of=/scratch/alice/x", "bs=1M", "count=2", "status=none")
    closed.fill_quota(left=1024 * 1024)
    with pytest.raises(LabError, match="No space left on device"):
        closed.as_user("n1", *write)
    closed.free_quota()
    closed.as_user("n1", *write)
    assert closed.as_user("login", "ls", "/scratch/alice") == "x\n"


def test_jobs_may_be_held_to_their_cores_and_memory_and_have_no_home(
    closed: SlurmCluster, tmp_path_factory: pytest.TempPathFactory
) -> None:
    closed.close()
    cluster = SlurmCluster(tmp_path_factory.mktemp("slurm"), 1, hostile=[Hostile.NO_HOME, Hostile.TASK_PLUGINS])
    try:
        cluster.up()
        in_job = ("srun", "--chdir=/tmp", "--cpus-per-task=1")
        assert cluster.as_user("login", *in_job, "nproc") == "1\n"
        assert cluster.as_user("login", *in_job, "--mem=600", "python3", "-c", BIG) == "done\n"
        with pytest.raises(LabError, match="oom"):
            cluster.as_user("login", *in_job, "--mem=100", "python3", "-c", BIG)
        with pytest.raises(LabError, match="/home/alice"):
            cluster.as_user("login", *in_job, "ls", "/home/alice")
        assert cluster.as_user("n1", "pwd") == "/\n"
        assert cluster.as_user("login", "pwd") == "/home/alice\n"
    finally:
        cluster.close()
