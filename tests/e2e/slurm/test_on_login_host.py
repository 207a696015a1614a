"""Pulumi on the login host itself, as an ordinary user there: a stack without `login`."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mspass_stack.polling import wait_until
from tests.harness.project import LIMIT, ROOT, Project
from tests.harness.slurm import SlurmCluster
from tests.harness.slurm.hostile import Hostile
from tests.harness.slurm.network import LOGIN
from tests.harness.slurm_stack import SlurmStack

TWO = {
    "database": {"db": "node0", "cache": "256MiB"},
    "pool": {"host": "node0", "workers": {"node1": {"processes": 1, "memory": "256MiB"}}},
    "frontend": {"host": "node0"},
}


class ProjectThere(Project):
    """A copy of the project whose commands run on the login host of a cluster, as its user."""

    cluster: SlurmCluster
    inside: tuple[str, ...] = ()
    """Slurm's variables of an allocation, by NAME=VALUE."""

    def command(self, *words: str | Path, **more: Any) -> "subprocess.CompletedProcess[str]":
        # The files of a stack are written here, by another user.
        self.cluster.execute(LOGIN, "chown", "--recursive", f"{self.cluster.user}:", str(self.path))
        own = {key: value for key, value in self.environment.items() if key.startswith(("PULUMI_", "MSPASS_"))}
        path = f"PATH={self.environment['PATH']}"
        environment = ["env", path, *self.inside, *(f"{key}={value}" for key, value in own.items())]
        there = ("sh", "-ec", 'cd "$0"; exec "$@"', self.path, *words)
        argv = self.cluster.user_words(LOGIN, self.cluster.user, *environment, *map(str, there))
        return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=LIMIT)


@pytest.fixture(scope="module")
def project() -> Iterator[ProjectThere]:
    project = ProjectThere()
    yield project
    project.close()


@pytest.fixture(scope="module")
def slurm(project: ProjectThere, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmCluster]:
    """Two nodes; the login host has the project, its environment and Pulumi, as if they were installed there.

    Its shells talk, and a process has 2 GiB of addresses.
    """
    pulumi = Path((ROOT / ".venv" / ".pulumi").read_text().strip())
    lent = [project.path, ROOT, Path(sys.base_prefix), pulumi]
    hostile = [Hostile.BANNERS, Hostile.SMALL_LOGIN]
    project.cluster = cluster = SlurmCluster(tmp_path_factory.mktemp("slurm"), 2, hostile=hostile, lent=lent)
    try:
        cluster.up()
        for above in {above for directory in lent for above in directory.parents}:
            cluster.execute(LOGIN, "chmod", "o+x", str(above))
        yield cluster
    finally:
        cluster.close()


@pytest.fixture(scope="module")
def stack(project: ProjectThere, slurm: SlurmCluster) -> Iterator[SlurmStack]:
    asked = {"nodes": 2, "cores": 1, "login": None}
    stack = SlurmStack(project, slurm, name="there", slurm=asked, config=TWO)
    yield stack
    stack.cancel()


def test_it_comes_up_and_the_next_up_changes_nothing(stack: SlurmStack, slurm: SlurmCluster) -> None:
    here = stack.project.command("sh", "-c", "hostname; id -un; ulimit -v").stdout.split()
    assert here == [LOGIN, slurm.user, "2097152"]
    ran = stack.pulumi("preview")
    assert (ran.returncode, "Slurm takes the job (2 nodes x 30:00): Job " in ran.stdout) == (0, True), ran.stdout
    assert not stack.jobs()
    stack.up()
    job = stack.job()
    stack.expect_unchanged()
    assert stack.job() == job
    shown = stack.ask("status")
    assert (shown.returncode, f"job {job} RUNNING" in shown.stdout) == (0, True), shown.stdout


def test_every_role_does_its_job(stack: SlurmStack) -> None:
    ran = stack.verify()
    assert ran.returncode == 0, ran.stdout
    script = stack.project.path / "work.py"
    script.write_text("import socket; print('ran on', socket.gethostname())\n")
    ran = stack.ask("run", str(script))
    assert (ran.returncode, ran.stdout.splitlines()[-1]) == (0, f"ran on {stack.node('node0')}"), ran.stdout


def test_there_is_nothing_to_log_in_to(stack: SlurmStack) -> None:
    ran = stack.ask("login")
    assert (ran.returncode, "this machine is the login host" in ran.stdout) == (2, True), ran.stdout


def test_destroy_leaves_the_data(stack: SlurmStack, slurm: SlurmCluster) -> None:
    stack.destroy()
    assert not stack.jobs()
    left = slurm.as_user(LOGIN, "ls", "-A", stack.directory).split()
    assert {"db", "log"} <= set(left)
    assert "run" not in left


def _allocate(stack: SlurmStack, name: str) -> str:
    """Get an interactive allocation of both nodes, and have the commands of the project typed in it."""
    asked = ("--ntasks-per-node=1", "--cpus-per-task=2", "--mem-per-cpu=1500M", "--time=20")
    shell = f"env >/scratch/shell-{name}; exec sleep 1000"
    words = (f"salloc --nodes=2 {' '.join(asked)} sh -c '{shell}' >/dev/null 2>&1 </dev/null &",)
    stack.on.as_user(LOGIN, "sh", "-c", *words)
    file = ("cat", f"/scratch/shell-{name}")
    assert wait_until(lambda: "SLURM_JOB_ID=" in stack.on.as_user(LOGIN, *file, check=False), 30, 0.2)
    lines = stack.on.as_user(LOGIN, *file).splitlines()
    project = stack.project
    assert isinstance(project, ProjectThere)
    project.inside = tuple(line for line in lines if line.startswith("SLURM_"))
    return next(line.partition("=")[2] for line in project.inside if line.startswith("SLURM_JOB_ID="))


def _inside(stack: SlurmStack, job: str) -> list[str]:
    """The names of the steps of a job."""
    lines = stack.on.as_user(LOGIN, "squeue", "-h", "--steps", "-j", job, "-o", "%j", check=False).splitlines()
    return sorted(line for line in lines if line not in ("extern", "interactive", "batch"))


def _states(stack: SlurmStack) -> list[str]:
    return stack.on.as_user(LOGIN, "squeue", "-h", "-o", "%i %T").splitlines()


def _kept(stack: SlurmStack) -> list[int]:
    with stack.database() as client:
        return sorted(found["_id"] for found in client["mspass"]["kept"].find({}, {"_id": 1}))


def test_it_comes_up_in_an_allocation_that_its_user_has_got_and_leaves_it(
    stack: SlurmStack, slurm: SlurmCluster
) -> None:
    asked = stack.cluster["slurm"]
    stack.cluster["slurm"] = {"job": "current", "stopBefore": "2m", "profile": asked.get("profile", "generic")}
    stack.write()
    assert "slurm.job: 'current': this shell is in no allocation" in stack.refused_up()
    job = _allocate(stack, "first")
    stack.up()
    assert _states(stack) == [f"{job} RUNNING"]
    assert f"{stack.counted()} unchanged" in stack.up()
    shown = stack.ask("status")
    assert (shown.returncode, f"job {job} RUNNING on " in shown.stdout) == (0, True), shown.stdout
    assert "mongod" in _inside(stack, job)
    with stack.database() as client:
        client["mspass"]["kept"].insert_one({"_id": 1})
    # Its program is killed with all that holds it, and what it held runs on.
    for pid in slurm.processes(LOGIN, "^srun .*--relative=0"):
        slurm.execute(LOGIN, "kill", "-KILL", str(pid), check=False)
    for pid in slurm.processes(stack.node("node0"), f"^[^ ]*python3.* job {stack.directory}"):
        slurm.execute(stack.node("node0"), "kill", "-KILL", str(pid), check=False)
    assert wait_until(lambda: stack.ask("status").returncode == 1, 60, 0.5)
    stack.up()
    assert _inside(stack, job).count("mongod") == 1
    assert _kept(stack) == [1]
    stack.destroy()
    assert _states(stack) == [f"{job} RUNNING"]
    assert wait_until(lambda: not _inside(stack, job), 30, 0.5), _inside(stack, job)
    for name in slurm.names:
        assert not slurm.processes(name, f"^[^ ]*(mongod|dask|python3) .*{stack.directory}")

    stack.up()
    assert _kept(stack) == [1]
    slurm.as_user(LOGIN, "scancel", job)
    assert wait_until(lambda: not _states(stack), 60, 0.5), _states(stack)
    # Another allocation goes on with the data.
    (former, job) = (job, _allocate(stack, "second"))
    said = stack.up()
    assert re.search(f"job {former} ended by CANCELLED at .*; it starts in job {job}", said)
    assert _kept(stack) == [1]
    stack.destroy()
    assert _states(stack) == [f"{job} RUNNING"]
    slurm.as_user(LOGIN, "scancel", job)
