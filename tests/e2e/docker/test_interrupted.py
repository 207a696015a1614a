"""`pulumi up` of containers killed after each step from the image on; what is before is the same for any runtime."""

from mspass_stack.managers.docker_labels import STACK
from mspass_stack.spec.layout import OWNER
from tests.e2e.clients import listening
from tests.e2e.docker.client import containers, docker
from tests.harness import image
from tests.harness.killed import killed_after
from tests.harness.project import Project, Stack


def test_an_up_killed_after_any_step_converges_and_leaves_nothing(project: Project) -> None:
    stack = Stack(project, "killed", {"runtime": "docker", "image": image.name()})
    assert killed_after(stack, 12)
    assert "pulumi cancel" in stack.refused_up(), "the lock of the killed one is explained"
    steps = 12
    stack.pulumi("cancel", "--yes")
    # Each `up` goes on where the last one was killed, so the steps between are met at another time.
    while killed_after(stack, steps := steps + 6):
        assert stack.pulumi("cancel", "--yes").returncode == 0
    assert steps > len(stack.resources()), "each kind of resource has been the last one done"
    stack.up()
    stack.expect_unchanged()
    assert listening(stack.ports()) == set(stack.ports())
    stack.destroy()
    _nothing_of(stack)


def test_a_destroy_right_after_a_killed_up_leaves_nothing(project: Project) -> None:
    stack = Stack(project, "cut", {"runtime": "docker", "image": image.name()})
    assert killed_after(stack, 18)
    stack.pulumi("cancel", "--yes")
    _a_container_that_the_state_does_not_know(stack)
    stack.destroy()
    _nothing_of(stack)


def _a_container_that_the_state_does_not_know(stack: Stack) -> None:
    """As the Docker plugin makes one when the kill comes between its creation and the state's next write."""
    stack_id = (stack.stack_dir / OWNER).read_text().split()[1]
    words = ["--name", f"mspass-{stack.name}-unknown", "--label", f"{STACK}={stack_id}", "--entrypoint", "sleep"]
    docker("run", "--detach", "--init", "--network", "host", *words, image.name(), "infinity")


def _nothing_of(stack: Stack) -> None:
    assert not {name for name in containers() if name.startswith(f"mspass-{stack.name}")}
    assert listening(stack.ports()) == set()
