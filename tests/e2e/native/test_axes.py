"""A role, a runtime and a site that only a test knows live natively as all others do."""

import os
import signal
from typing import Any

import psutil

from mspass_stack.polling import wait_until
from tests.e2e.axes import Axes, expect_a_whole_life
from tests.harness.project import Project


def test_a_toy_of_each_axis_has_a_whole_life(project: Project) -> None:
    axes = Axes(project, "native")

    def kill(entry: dict[str, Any]) -> None:
        pid = int(entry["incarnation"].split("-")[0])
        assert psutil.Process(pid).nice() == 5, "it is wrapped"
        os.kill(pid, signal.SIGKILL)

    expect_a_whole_life(axes, kill)
    assert wait_until(lambda: not project.processes(), 10), project.processes()
