"""Stacks of a copy of the project, on real processes."""

from collections.abc import Iterator

import pytest

from tests.harness.project import Project, Stack


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    project = Project()
    yield project
    project.close()


@pytest.fixture(scope="module")
def desktop(project: Project) -> Stack:
    """A desktop stack that is up; a test that harms it brings it up again."""
    stack = Stack(project)
    stack.up()
    return stack
