"""A site that makes it hard: of the cluster only the login host's sshd is reached, and nodes have next to nothing."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.harness.lab.command import LabError
from tests.harness.project import Project
from tests.harness.slurm import SlurmCluster
from tests.harness.slurm.hostile import Hostile
from tests.harness.slurm_stack import SlurmStack

PROFILE = """\
prelude: [module load tacc-apptainer]
address: {interface: eth0}
access: [direct, relay]
"""

THREE = {
    "database": {"router": ["node0"], "shards": {"a": ["node1"], "b": ["node2"]}, "cache": "256MiB"},
    "pool": {"host": "node0", "workers": {"node[1-2]": {"processes": 1, "memory": "256MiB"}}},
    "frontend": {"host": "node0"},
}


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmCluster]:
    """Three nodes, with all that a site may have against its users."""
    cluster = SlurmCluster(tmp_path_factory.mktemp("slurm"), 3, hostile=frozenset(Hostile))
    try:
        cluster.up()
        cluster.firewall(shut=True)
        yield cluster
    finally:
        cluster.close()


@pytest.fixture(scope="module")
def stack(project: Project, slurm: SlurmCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmStack]:
    profile: Path = tmp_path_factory.mktemp("site") / "site.yaml"
    profile.write_text(PROFILE)
    asked = {"nodes": 3, "profile": str(profile), "cores": 1}
    place = {"datadir": "/scratch/alice/mspass", "workdir": "/scratch/alice/work"}
    stack = SlurmStack(project, slurm, name="difficult", slurm=asked, config={**THREE, **place})
    yield stack
    stack.cancel()


def test_it_comes_up_and_does_all_its_jobs(stack: SlurmStack) -> None:
    stack.up()
    stack.expect_unchanged()
    ran = stack.verify()
    assert ran.returncode == 0, ran.stdout
    assert {entry["way"] for entry in stack.outputs()["inventory"]["processes"]} - {""} == {"relay"}


@pytest.mark.parametrize("of", ["bytes", "files"])
def test_a_full_quota_ends_no_job_and_loses_nothing(of: str, stack: SlurmStack, slurm: SlurmCluster) -> None:
    job = stack.job()
    try:
        with suppress(OSError):  # a database may take the last bytes before the test does
            (slurm.fill_quota if of == "bytes" else slurm.fill_inodes)()
        with pytest.raises(LabError, match="No space left on device"):
            slurm.as_user("login", "dd", "if=/dev/zero", f"of=/scratch/alice/{of}", "bs=1M", "count=1", "status=none")
        # It asks every process of the job, which takes it some looks at its supervisord.
        stack.ask("status")
        assert stack.job() == job, stack.log()
    finally:
        slurm.free_quota()
    stack.up()
    assert stack.job() == job
    assert "supervisord ended" not in stack.log()
