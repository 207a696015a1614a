"""An image of a registry is built into the datadir once, before the job: on the login host, or in a job of one node."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mspass_stack.spec.apptainer import image_path
from tests.harness.project import Project
from tests.harness.slurm import SlurmCluster
from tests.harness.slurm.hostile import Hostile
from tests.harness.slurm.network import LOGIN
from tests.harness.slurm.registry import PLAIN, registry
from tests.harness.slurm_stack import SlurmStack

ONE = {
    "database": {"db": "node0", "cache": "256MiB"},
    "pool": {"host": "node0", "workers": {"node0": {"processes": 1, "memory": "256MiB"}}},
    "frontend": {"host": "node0"},
}


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmCluster]:
    """Two nodes, which have no homes; at the login host a process has 2 GiB of addresses."""
    hostile = [Hostile.NO_HOME, Hostile.SMALL_LOGIN]
    cluster = SlurmCluster(tmp_path_factory.mktemp("slurm"), 2, hostile=hostile)
    try:
        cluster.up()
        yield cluster
    finally:
        cluster.close()


@pytest.fixture(scope="module")
def uri(slurm: SlurmCluster) -> Iterator[str]:
    with registry(slurm) as uri:
        yield uri


@pytest.fixture(scope="module")
def stack(
    project: Project, slurm: SlurmCluster, uri: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SlurmStack]:
    profile: Path = tmp_path_factory.mktemp("site") / "site.yaml"
    profile.write_text(f"prelude: [{PLAIN}]\n")
    asked = {"nodes": 1, "profile": str(profile)}
    stack = SlurmStack(project, slurm, name="image", slurm=asked, config={**ONE, "image": f"{uri}:v1"})
    yield stack
    stack.cancel()


def _is_pinned(stack: SlurmStack, slurm: SlurmCluster) -> bool:
    """Whether all processes are of the file that was built, by the digest that it has."""
    path = image_path(stack.cluster["image"], stack.directory)
    digest = slurm.as_user("login", "sha256sum", path).split()[0]
    assert slurm.as_user("login", "cat", f"{path}.sha256").split() == [digest, path.rpartition("/")[2]]
    return {entry["image"] for entry in stack.outputs()["inventory"]["processes"]} == {f"{path}@sha256:{digest}"}


def test_it_is_built_on_the_login_host_before_the_job_is_submitted(stack: SlurmStack, slurm: SlurmCluster) -> None:
    shown = stack.pulumi("preview")
    assert f"the image is built on it before the job is submitted: {stack.cluster['image']}" in shown.stdout
    stack.up()
    assert _is_pinned(stack, slurm)
    stack.expect_unchanged()
    ran = stack.verify()
    assert ran.returncode == 0, ran.stdout
    assert slurm.as_user("login", "ls", "/home/alice/.apptainer/cache", check=False) == ""


def test_without_apptainer_there_a_job_of_one_node_builds_the_next_one_while_the_cluster_is_up(
    stack: SlurmStack, slurm: SlurmCluster, uri: str
) -> None:
    job = stack.job()
    slurm.execute(LOGIN, "mv", "/usr/bin/apptainer", "/usr/bin/apptainer.away")
    try:
        stack.cluster["image"] = f"{uri}:v2"
        stack.write()
        shown = stack.pulumi("preview")
        assert "the image is built by a job of one node" in shown.stdout
        stack.up()
    finally:
        slurm.execute(LOGIN, "mv", "/usr/bin/apptainer.away", "/usr/bin/apptainer")
    assert _is_pinned(stack, slurm)
    assert stack.job() == job
    assert len(slurm.as_user("login", "ls", f"{stack.directory}/images").split()) == 4
    stack.expect_unchanged()


def test_what_cannot_be_built_starts_nothing_and_says_how_it_is_done_elsewhere(
    stack: SlurmStack, slurm: SlurmCluster, uri: str
) -> None:
    before = stack.runs()
    stack.cluster["image"] = uri.replace("/mspass", "/nobody/has").replace(":5000", ":5001") + ":v3"
    stack.write()
    said = stack.refused_up()
    path = image_path(stack.cluster["image"], stack.directory)
    assert "it was not built here: " in said
    assert "connection refused" in said
    assert f"scp {path.rpartition('/')[2]} alice@{slurm.login_address}:{path}" in said
    assert stack.runs() == before
    stack.cluster["image"] = f"{uri}:v2"
    stack.write()
    stack.up()
    assert stack.runs() == before
