"""A desktop with Spark, in containers of Docker."""

import json
import os
import signal
from collections.abc import Iterator

import pytest

from mspass_stack.polling import wait_until
from tests.e2e.docker.client import containers, docker
from tests.e2e.native.test_spark import MAINS, MASTER, WORKER, SparkDesktop, secret_of
from tests.e2e.spark import ends_with
from tests.harness import image
from tests.harness.project import Project


@pytest.fixture(scope="module")
def stack(project: Project) -> Iterator[SparkDesktop]:
    stack = SparkDesktop(project, runtime="docker", image=image.name())
    yield stack
    stack.pulumi("destroy", "--yes", "--skip-preview")


def test_it_comes_up_verifies_and_stays_as_it_is(stack: SparkDesktop) -> None:
    stack.comes_up()


def test_its_secret_is_not_in_what_the_engine_tells(stack: SparkDesktop) -> None:
    secret = secret_of((stack.stack_dir / "secrets" / "spark-daemon" / "spark-defaults.conf").read_text())
    told = docker("inspect", *(name for name in containers() if name.startswith("mspass-spark-")))
    assert len(json.loads(told)) == 4
    assert secret not in told


def test_killed_in_their_containers_they_are_back_and_an_application_ends_right(stack: SparkDesktop) -> None:
    scratch = stack.stack_dir / "scratch"
    with stack.application(scratch) as running:
        for name in (WORKER, MASTER):
            (killed,) = stack.pids(MAINS[name])
            os.kill(killed, signal.SIGKILL)
            assert wait_until(lambda name=name, killed=killed: {*stack.pids(MAINS[name])} - {killed}, 60)
        (scratch / "go").touch()
        ends_with(running, "sum 780")
    stack.up()
    stack.expect_unchanged()
