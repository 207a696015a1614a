"""`pulumi up` killed after steps all over a start; each `up` goes on where the last one was killed."""

from mspass_stack.polling import wait_until
from tests.e2e.clients import listening
from tests.harness.killed import killed_after
from tests.harness.project import Project, Stack


def test_an_up_killed_after_any_step_converges_and_leaves_nothing(project: Project) -> None:
    stack = Stack(project)
    steps = -3
    while killed_after(stack, steps := steps + 4):
        if steps == 1:
            assert "pulumi cancel" in stack.refused_up(), "the lock of the killed one is explained"
        assert stack.pulumi("cancel", "--yes").returncode == 0
    assert steps > len(stack.resources()), "each kind of resource has been the last one done"
    stack.up()
    stack.expect_unchanged()
    assert listening(stack.ports()) == set(stack.ports())
    stack.destroy()
    assert wait_until(lambda: not project.processes(), 10), project.processes()
    assert listening(stack.ports()) == set()


def test_a_destroy_right_after_a_killed_up_leaves_nothing(project: Project) -> None:
    stack = Stack(project, "cut")
    assert killed_after(stack, 12)
    stack.pulumi("cancel", "--yes")
    stack.destroy()
    assert wait_until(lambda: not project.processes(), 10), project.processes()
    assert listening(stack.ports()) == set()
