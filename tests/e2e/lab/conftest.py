"""Stacks on simulated lab hosts: five of them, two of them without Docker; each file starts from empty disks."""

from collections.abc import Iterator

import pytest

from tests.e2e.target import SimulatedLab
from tests.harness.engine import NoEngine
from tests.harness.lab import Lab, ensure_test_image
from tests.harness.lab_stack import LabStack
from tests.harness.project import Project


@pytest.fixture(scope="session")
def image() -> str:
    try:
        return ensure_test_image()
    except NoEngine as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def native() -> tuple[str, ...]:
    """The hosts without Docker; a file may say otherwise."""
    return ("lab1", "lab3")


@pytest.fixture(scope="module")
def lab(image: str, native: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Five hosts from empty disks."""
    lab = Lab(tmp_path_factory.mktemp("lab"), 5, image, native=native)
    try:
        lab.up()
        yield lab
    finally:
        lab.close()


@pytest.fixture(scope="module")
def project(warm_plugins: None) -> Iterator[Project]:
    project = Project()
    yield project
    project.close()


@pytest.fixture(scope="module")
def sharded(project: Project, lab: Lab, image: str) -> Iterator[LabStack]:
    """The sharded stack of four hosts that is up; a test that harms it brings it up again."""
    stack = LabStack(project, lab, image, "lab-sim")
    stack.up()
    yield stack
    stack.close()


@pytest.fixture(scope="module")
def target(sharded: LabStack) -> SimulatedLab:
    return SimulatedLab(sharded, ("shard-b-lab3", "worker-lab4"))
