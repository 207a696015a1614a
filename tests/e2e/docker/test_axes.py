"""A role, a runtime and a site that only a test knows live in containers as all others do."""

from typing import Any

from tests.e2e.axes import Axes, expect_a_whole_life
from tests.e2e.docker.client import containers, docker
from tests.harness import image
from tests.harness.project import Project


def test_a_toy_of_each_axis_has_a_whole_life(project: Project) -> None:
    axes = Axes(project, "docker", image=image.name())

    def kill(entry: dict[str, Any]) -> None:
        name = entry["spec"]["container"]
        assert docker("exec", name, "sh", "-c", "ps -o ni= -p $(cat /proc/1/task/1/children)").strip() == "5"
        docker("kill", name)

    expect_a_whole_life(axes, kill)
    assert not {name for name in containers() if name.startswith("mspass-axes-")}
