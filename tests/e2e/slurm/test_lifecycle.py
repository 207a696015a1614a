"""From nothing to a verified cluster in a Slurm job, by SSH to its login host; and the next job."""

import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from mspass_stack.polling import wait_until
from tests.harness.connected import connected
from tests.harness.ports import free_ports
from tests.harness.project import Project
from tests.harness.slurm import SlurmCluster
from tests.harness.slurm_stack import SlurmStack

DOCUMENTS = 200


def _opens(url: str) -> bool:
    try:
        return httpx.get(url, timeout=10).is_success
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="module")
def stack(project: Project, slurm: SlurmCluster) -> Iterator[SlurmStack]:
    """The manual's five nodes, up."""
    stack = SlurmStack(project, slurm)
    stack.up()
    yield stack
    stack.cancel()


def test_it_comes_up_in_one_job_and_the_next_up_changes_nothing(stack: SlurmStack) -> None:
    job = stack.job()
    stack.expect_unchanged()
    assert stack.job() == job


def test_every_role_does_its_job_and_lets_no_stranger_in(stack: SlurmStack) -> None:
    ran = stack.verify()
    assert ran.returncode == 0, ran.stdout
    assert "skipped" not in ran.stdout.splitlines()[-1]


def test_status_names_the_job_and_its_nodes(stack: SlurmStack) -> None:
    shown = stack.ask("status")
    assert shown.returncode == 0, shown.stdout
    nodes = ", ".join(stack.node(f"node{number}") for number in range(5))
    assert f"\njob {stack.job()} RUNNING on {nodes} since " in shown.stdout


def test_connect_opens_its_pages_on_this_machine(stack: SlurmStack) -> None:
    with connected(stack) as ways:
        assert httpx.get(ways.url("Jupyter"), timeout=30, follow_redirects=True).is_success
        assert httpx.get(ways.url("Dask's pages"), timeout=30, follow_redirects=True).is_success
    assert ways.status == 0


def test_a_laptop_reaches_its_pages_by_openssh_alone(stack: SlurmStack, slurm: SlurmCluster) -> None:
    assert {entry["way"] for entry in stack.outputs()["inventory"]["processes"]} - {""} == {"ssh"}
    ssh, *words = shlex.split(stack.outputs()["access"])
    login = f"alice@{slurm.login_address}"
    assert words[words.index("-J") + 1] == login
    assert words[-1] == f"alice@{stack.node('node0')}"
    here = free_ports(1)[0]
    # Its keys are in a file of their own, whose names are those of the cluster.
    words = [word.replace("8888:", f"{here}:", 1).replace(login, "login") for word in words]
    with subprocess.Popen([ssh, "-F", str(slurm.ssh_config), *words]) as way:
        try:
            assert wait_until(lambda: _opens(f"http://127.0.0.1:{here}/api"), 30)
        finally:
            way.terminate()


def test_a_program_runs_beside_jupyter_with_database_and_pool(stack: SlurmStack, tmp_path: Path) -> None:
    script = tmp_path / "work.py"
    script.write_text(
        "import os, socket, sys\n"
        "from distributed import Client\n"
        "from pymongo import MongoClient\n"
        "kept = MongoClient(os.environ['MSPASS_DB_ADDRESS'])['mspass']['kept']\n"
        f"kept.insert_many({{'_id': n}} for n in range({DOCUMENTS}))\n"
        "with Client(os.environ['DASK_SCHEDULER_ADDRESS']) as client:\n"
        "    found = client.gather(client.map(lambda n: socket.gethostname(), range(30), pure=False))\n"
        "    print('ran on', len(set(found)))\n"
        "sys.exit(int(sys.argv[1]))\n"
    )
    ran = stack.ask("run", str(script), "7")
    assert (ran.returncode, "ran on 3" in ran.stdout) == (7, True), ran.stdout


def test_the_next_job_has_all_documents_on_other_nodes(stack: SlurmStack, slurm: SlurmCluster) -> None:
    former, node = stack.job(), stack.node("node1")
    slurm.as_user("login", "scancel", "--signal=USR1", "--batch", former)
    assert wait_until(lambda: not stack.jobs(), 60, 0.5), stack.log()
    slurm.drain(node)
    try:
        said = stack.up()
    finally:
        slurm.resume(node)
    assert f"job {former} ended by STOPPED at " in said
    assert "a new one is submitted (5 nodes x 30:00)" in said
    assert node not in {stack.node(f"node{number}") for number in range(5)}
    with stack.database() as client:
        assert client["mspass"]["kept"].count_documents({}) == DOCUMENTS
    stack.expect_unchanged()


def test_destroy_stops_it_in_order_and_leaves_the_data(stack: SlurmStack, slurm: SlurmCluster) -> None:
    stack.destroy()
    assert not stack.jobs()
    stopped = [line.rpartition(": ")[2] for line in stack.log().splitlines() if " stopped in " in line]
    assert [line.split("-")[0] for line in stopped[-4:]] == ["frontend", "worker", "scheduler", "mongod"]
    left = slurm.as_user("login", "ls", "-A", stack.directory).split()
    assert {"db", "log"} <= set(left)
    assert not {"run", ".mspass-stack"} & set(left)
    assert not slurm.as_user("login", "ls", "-A", f"{stack.directory}/secrets", check=False).split()
    for name in slurm.names:
        assert not slurm.processes(name, f"^[^ ]*(mongod|dask|python3) .*{stack.directory}")
