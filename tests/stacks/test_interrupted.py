"""`pulumi up` killed after each step that it can be killed after."""

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

from mspass_stack.provider.waiting import wait_until
from tests.harness.project import PULUMI, Project, Stack
from tests.stacks.looks import listening


def _steps_done(events: Path) -> int:
    """Steps that the engine has finished, by its event log."""
    if not events.exists():
        return 0
    lines = [json.loads(line) for line in events.read_text().splitlines() if line.endswith("}")]
    return sum("resOutputsEvent" in event or "resOpFailedEvent" in event for event in lines)


def _killed_after(stack: Stack, steps: int) -> int:
    """Run `up`, kill it with SIGKILL once it has finished so many steps; its exit status."""
    events = stack.project.path / f"events-{stack.name}-{steps}"
    words = ["up", "--yes", "--skip-preview", "--stack", stack.name, "--event-log", str(events)]
    options: dict[str, Any] = {"cwd": stack.project.path, "env": stack.project.environment}
    with (stack.project.path / "killed.log").open("w") as log:
        running = subprocess.Popen([PULUMI, "--non-interactive", *words], stdout=log, stderr=log, **options)
        wait_until(lambda: running.poll() is not None or _steps_done(events) >= steps, 120)
        running.send_signal(signal.SIGKILL)
        return running.wait(30)


def test_an_up_killed_after_any_step_converges_and_leaves_nothing(project: Project) -> None:
    stack = Stack(project)
    steps = 0
    while _killed_after(stack, steps := steps + 1) == -signal.SIGKILL:
        if steps == 1:
            assert "pulumi cancel" in stack.refused_up(), "the lock of the killed one is explained"
        assert stack.pulumi("cancel", "--yes").returncode == 0
    assert steps > len(stack.resources()), "each kind of resource has been the last one done"
    stack.up()
    assert "unchanged" in stack.up()
    assert listening(stack.ports()) == set(stack.ports())
    stack.destroy()
    assert wait_until(lambda: not project.processes(), 10), project.processes()
    assert listening(stack.ports()) == set()


def test_a_destroy_right_after_a_killed_up_leaves_nothing(project: Project) -> None:
    stack = Stack(project, "cut")
    assert _killed_after(stack, 12) == -signal.SIGKILL
    stack.pulumi("cancel", "--yes")
    stack.destroy()
    assert wait_until(lambda: not project.processes(), 10), project.processes()
    assert listening(stack.ports()) == set()
