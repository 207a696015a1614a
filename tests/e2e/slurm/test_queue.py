"""A job that waits, one that is changed, and strangers on its nodes: every role on one node."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
from pymongo.errors import PyMongoError

from mspass_stack.polling import wait_until
from tests.harness.killed import killed_when
from tests.harness.lab.command import LabError
from tests.harness.project import Project
from tests.harness.slurm import SlurmCluster
from tests.harness.slurm_stack import SlurmStack

ALL = {
    "database": {"router": ["node0"], "shards": {"a": ["node0"], "b": ["node0"]}, "cache": "256MiB"},
    "pool": {"host": "node0", "workers": {"node0": {"processes": 2, "memory": "256MiB"}}},
    "frontend": {"host": "node0"},
}


@pytest.fixture(scope="module")
def stack(project: Project, slurm: SlurmCluster) -> Iterator[SlurmStack]:
    stack = SlurmStack(project, slurm, name="one", slurm={"nodes": 1, "queueWait": "5s"}, config=ALL)
    yield stack
    stack.cancel()


@pytest.fixture
def full(slurm: SlurmCluster) -> Iterator[None]:
    """A cluster that starts no job."""
    for name in slurm.names:
        slurm.drain(name)
    yield
    for name in slurm.names:
        # A test may have let it start.
        with suppress(LabError):
            slurm.resume(name)


def _resume(slurm: SlurmCluster) -> None:
    for name in slurm.names:
        slurm.resume(name)


def test_a_preview_asks_slurm_and_neither_submits_nor_writes(stack: SlurmStack, slurm: SlurmCluster) -> None:
    ran = stack.pulumi("preview")
    assert ran.returncode == 0, ran.stdout
    assert "Slurm takes the job (1 node x 30:00): Job " in ran.stdout
    assert not stack.jobs()
    assert not slurm.as_user("login", "ls", "-A", "/scratch").split()


def _is_in_use(stack: SlurmStack) -> bool:
    """Whether its user writes through the router, every shard has chunks, and Jupyter asks for its token."""
    try:
        with stack.database() as client:
            client["quakes"]["arrival"].insert_one({"station": "ANMO"})
            counts = client["mspass_stack"].command("collStats", "ready")["shards"]
    except (PyMongoError, LabError):
        return False
    page = "import sys, urllib.request; urllib.request.urlopen('http://127.0.0.1:8888/api/contents')"
    said = stack.on.as_user(stack.node("node0"), "sh", "-c", f'python3 -c "{page}" 2>&1', check=False)
    return set(counts) == {"a", "b"} and "403" in said


@pytest.mark.usefixtures("full")
def test_an_up_waits_not_for_ever_and_the_cluster_comes_up_without_it(stack: SlurmStack, slurm: SlurmCluster) -> None:
    said = stack.refused_up()
    assert stack.jobs(), said
    job = stack.job()
    assert f"job {job} waits: " in said
    assert "the cluster comes up without you, and pulumi up goes on from here" in said
    again = stack.refused_up()
    assert stack.jobs() == [f"{job} PENDING"]
    assert len([line for line in again.splitlines() if f"job {job} waits: " in line and "estimated" in line]) <= 3
    shown = stack.ask("status")
    assert (shown.returncode, f"job {job} PENDING: " in shown.stdout) == (1, True), shown.stdout
    assert "scheduler" in shown.stdout
    assert "no first `pulumi up` has ended well: pulumi up -s one" in shown.stdout
    _resume(slurm)
    assert wait_until(lambda: f"{job} RUNNING" in stack.jobs(), 60, 0.5), stack.jobs()
    assert wait_until(lambda: _is_in_use(stack), 120, 1), stack.log()
    shown = stack.ask("status")
    assert (shown.returncode, f"job {job} RUNNING" in shown.stdout) == (1, True), shown.stdout
    assert f"job {job}" in stack.ask("logs", "job").stdout
    assert stack.ask("logs", "ensure").returncode == 0
    stack.up()
    assert stack.job() == job
    stack.expect_unchanged()


def test_a_changed_process_is_restarted_in_the_job_and_no_other(stack: SlurmStack) -> None:
    job, before = stack.job(), stack.runs()
    stack.cluster["pool"]["workers"]["node0"]["memory"] = "300MiB"
    stack.write()
    stack.up()
    after = stack.runs()
    assert {name for name in before if before[name] != after[name]} == {"worker-node0"}
    assert stack.job() == job


def test_more_nodes_want_another_job_which_is_asked_for_by_name(stack: SlurmStack) -> None:
    job, workers = stack.job(), stack.cluster["pool"]["workers"]
    stack.cluster["slurm"]["nodes"], workers["node1"] = 2, workers["node0"]
    stack.write()
    said = stack.refused_up()
    assert f"mspass:cluster.slurm.nodes: 2: job {job} runs with 1: expected as many until it is over" in said
    assert stack.job() == job
    stack.cluster["slurm"]["queueWait"] = "2m"
    stack.write()
    stack.pulumi("config", "set", "mspass:replaceJob", "true")
    stack.up()
    assert stack.job() != job
    assert stack.ask("status").returncode == 0
    job = stack.job()
    stack.cluster["slurm"]["queueWait"] = "5s"
    stack.write()  # without the key
    stack.up()
    assert stack.job() == job


def test_another_user_on_the_node_sees_no_secret_and_reaches_no_page(stack: SlurmStack, slurm: SlurmCluster) -> None:
    node, outputs = stack.node("node0"), stack.outputs()
    seen = slurm.as_user(node, "sh", "-c", "ps -ef; cat /proc/*/environ 2>&1; env", user="bob", check=False)
    secrets = [
        str(outputs["jupyterUrl"]).rpartition("=")[2],
        str(outputs["databaseUri"]).split("@")[0].rpartition(":")[2],
    ]
    assert "mongod --dbpath" in seen
    assert not [secret for secret in secrets if secret in seen]
    for path in (f"{stack.directory}/secrets", f"{stack.directory}/run", f"{stack.directory}/log", "/tmp/mspass-*"):
        assert "denied" in slurm.as_user(node, "sh", "-c", f"ls {path} 2>&1", user="bob", check=False)
    page = "import sys, urllib.request; urllib.request.urlopen('http://127.0.0.1:8888/api/contents')"
    assert "403" in slurm.as_user(node, "sh", "-c", f'python3 -c "{page}" 2>&1', user="bob", check=False)


@pytest.mark.usefixtures("full")
def test_an_up_that_is_killed_after_the_submission_makes_no_second_job(stack: SlurmStack, slurm: SlurmCluster) -> None:
    stack.destroy()
    assert not stack.jobs()
    assert killed_when(stack, lambda: bool(stack.jobs()))
    job = stack.job()
    stack.pulumi("cancel", "--yes")
    stack.refused_up()
    assert stack.jobs() == [f"{job} PENDING"]


@pytest.mark.usefixtures("full")
def test_destroy_takes_a_job_that_waits_out_of_the_queue(stack: SlurmStack) -> None:
    assert stack.jobs()
    stack.destroy()
    assert not stack.jobs()
