"""The figures of MsPASS's manual: each comes up, verifies and goes down."""

from contextlib import suppress

import psutil
import pytest

from mspass_stack.polling import wait_until
from tests.e2e.clients import expect_running
from tests.harness.lab import Lab
from tests.harness.lab_stack import LabStack
from tests.harness.project import Project


def _is_pulumis(process: psutil.Process) -> bool:
    """Not one of the SSH connections, which are kept for a while."""
    with suppress(psutil.NoSuchProcess):
        return "ssh" not in process.name()
    return False


@pytest.fixture(scope="module")
def native() -> tuple[str, ...]:
    """All hosts have Docker here."""
    return ()


FIGURES = ("one-role-per-node", "several-roles-per-node", "five-nodes", "five-nodes-sharded")


@pytest.mark.parametrize("figure", FIGURES)
def test_a_figure_comes_up_verifies_and_goes_down(project: Project, lab: Lab, image: str, figure: str) -> None:
    stack = LabStack(project, lab, image, figure)
    try:
        stack.up()
        declared = {entry["name"]: stack.on(entry["host"]) for entry in stack.outputs()["inventory"]["processes"]}
        assert stack.running() == declared
        ran = stack.verify()
        assert ran.returncode == 0, ran.stdout
        assert "skipped" not in ran.stdout.splitlines()[-1]
        if killed := next((name for name in declared if name.startswith("shard")), ""):
            stack.harm(killed, "kill")
            stack.up()
            expect_running(stack, 0)
            stack.expect_unchanged()
        stack.destroy()
        assert stack.running() == {}
        assert wait_until(lambda: not [*filter(_is_pulumis, project.processes())], 10), project.processes()
    finally:
        stack.close()
