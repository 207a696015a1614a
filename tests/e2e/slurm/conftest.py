"""Stacks on a simulated Slurm cluster, reached by its login host; each file has a cluster of its own."""

from collections.abc import Iterator

import pytest

from tests.harness.project import Project
from tests.harness.slurm import SlurmCluster


@pytest.fixture(scope="module")
def nodes() -> int:
    """How many nodes the cluster of a file has; a file may have its own number."""
    return 6


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory, nodes: int) -> Iterator[SlurmCluster]:
    """A login host and nodes from empty disks."""
    cluster = SlurmCluster(tmp_path_factory.mktemp("slurm"), nodes)
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
