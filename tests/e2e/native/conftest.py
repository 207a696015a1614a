"""Desktops of native processes, in a copy of the project."""

from collections.abc import Iterator

import pytest

from tests.e2e.target import NativeDesktop
from tests.harness.project import Project, Stack


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    project = Project()
    yield project
    project.close()


@pytest.fixture(scope="module")
def desktop(project: Project) -> Stack:
    """A desktop that is up; a test that harms it brings it up again."""
    stack = Stack(project)
    stack.up()
    return stack


@pytest.fixture(scope="module")
def target(desktop: Stack) -> NativeDesktop:
    return NativeDesktop(desktop)
