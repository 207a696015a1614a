"""Stacks on a simulated Slurm cluster, reached by its login host; each file has a cluster of its own."""

from collections.abc import Iterator

import pytest

from tests.harness.project import Project
from tests.harness.slurm import SlurmCluster


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmCluster]:
    """A login host and six nodes from empty disks."""
    cluster = SlurmCluster(tmp_path_factory.mktemp("slurm"))
    try:
        cluster.up()
        yield cluster
    finally:
        cluster.close()


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    project = Project()
    yield project
    project.close()
