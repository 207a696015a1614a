"""Pulumi on the login host itself, as an ordinary user there: a stack without `login`."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

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

    def command(self, *words: str | Path, **more: Any) -> "subprocess.CompletedProcess[str]":
        # The files of a stack are written here, by another user.
        self.cluster.execute(LOGIN, "chown", "--recursive", f"{self.cluster.user}:", str(self.path))
        own = {key: value for key, value in self.environment.items() if key.startswith(("PULUMI_", "MSPASS_"))}
        path = f"PATH={self.environment['PATH']}"
        environment = ["env", path, *(f"{key}={value}" for key, value in own.items())]
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
