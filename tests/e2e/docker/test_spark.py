"""A desktop with Spark, in containers of Docker."""

from collections.abc import Iterator

import pytest

from tests.e2e.native.test_spark import MASTER, WORKER, SparkDesktop
from tests.harness import image
from tests.harness.project import Project


@pytest.fixture(scope="module")
def stack(project: Project) -> Iterator[SparkDesktop]:
    stack = SparkDesktop(project, runtime="docker", image=image.name())
    yield stack
    stack.pulumi("destroy", "--yes", "--skip-preview")


def test_it_comes_up_verifies_and_stays_as_it_is(stack: SparkDesktop) -> None:
    stack.up()
    assert f"{stack.counted()} unchanged" in stack.up()
    assert {entry["name"] for entry in stack.outputs()["inventory"]["processes"]} >= {MASTER, WORKER}
    ran = stack.verify()
    assert ran.returncode == 0, ran.stdout
