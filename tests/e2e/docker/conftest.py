"""Stacks of containers on a real engine."""

import os
from collections.abc import Iterator

import pytest

from mspass_stack.managers.docker_engine import DockerEngine
from mspass_stack.spec.connection import ConnectionSpec
from mspass_stack.spec.layout import OWNER
from tests.e2e.target import DockerDesktop
from tests.harness import docker_plugin, image
from tests.harness.engine import NoEngine, TestEngine
from tests.harness.project import Project, Stack


@pytest.fixture(scope="session")
def engine() -> Iterator[TestEngine]:
    """A Docker engine that has the test image; without one nothing here can run, which CI takes for a failure."""
    try:
        engine = TestEngine()
    except NoEngine as error:
        pytest.skip(str(error))
    before = os.environ.get("DOCKER_HOST")
    os.environ["DOCKER_HOST"] = engine.address
    try:
        image.ensure()
        yield engine
    finally:
        engine.close()
        if before is None:
            del os.environ["DOCKER_HOST"]
        else:
            os.environ["DOCKER_HOST"] = before


@pytest.fixture(scope="module")
def project(engine: TestEngine, warm_plugins: None) -> Iterator[Project]:
    project = Project()
    project.environment |= docker_plugin.environment()
    yield project
    for owner in project.path.glob(f"data/*/{OWNER}"):
        DockerEngine(ConnectionSpec(engine=engine.address)).remove_leftovers(owner.read_text().split()[1])
    project.close()


@pytest.fixture(scope="module")
def desktop(project: Project) -> Iterator[Stack]:
    """A desktop stack of containers that is up; a test that harms it brings it up again."""
    stack = Stack(project, config={"runtime": "docker", "image": image.name()})
    stack.up()
    yield stack
    stack.pulumi("destroy", "--yes", "--skip-preview")


@pytest.fixture(scope="module")
def target(desktop: Stack) -> DockerDesktop:
    return DockerDesktop(desktop)
