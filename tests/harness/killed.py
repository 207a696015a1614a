"""`pulumi up` killed with SIGKILL, after a number of steps or when something has come about."""

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mspass_stack.polling import wait_until
from tests.harness.project import PULUMI, Stack

MAKING = ("create", "create-replacement", "update")
"""The engine's words for steps after which a resource is as declared."""


def killed_after(stack: Stack, steps: int) -> bool:
    """Run `up` and kill it once it has finished so many steps; whether it was still at work then."""
    events = stack.project.path / f"events-{stack.name}-{steps}"
    return killed_when(stack, lambda: _steps_done(events) >= steps, "--event-log", str(events))


def killed_after_step(stack: Stack, name: str) -> bool:
    """Run `up` and kill it once it has made or changed a resource; whether it was still at work then."""
    events = stack.project.path / f"events-{stack.name}-{name}"
    return killed_when(stack, lambda: _is_made(events, name), "--event-log", str(events))


def killed_when(stack: Stack, condition: Callable[[], bool], *options: str) -> bool:
    """Run `up` and kill it once a condition holds; whether it was still at work then."""
    words = ["up", "--yes", "--skip-preview", "--stack", stack.name, *options]
    place: dict[str, Any] = {"cwd": stack.project.path, "env": stack.project.environment}
    with (stack.project.path / "killed.log").open("w") as log:
        running = subprocess.Popen([PULUMI, "--non-interactive", *words], stdout=log, stderr=log, **place)
        try:
            wait_until(lambda: running.poll() is not None or condition(), 120)
        finally:  # also when the look at the condition fails: an `up` that is left would hold the stack's lock
            running.send_signal(signal.SIGKILL)
            over = running.wait(30)
    return over == -signal.SIGKILL


def _steps_done(events: Path) -> int:
    """Steps that the engine has finished, by its event log."""
    return sum("resOutputsEvent" in event or "resOpFailedEvent" in event for event in _read(events))


def _is_made(events: Path, name: str) -> bool:
    done = [event["resOutputsEvent"]["metadata"] for event in _read(events) if "resOutputsEvent" in event]
    return any(step["urn"].endswith(f"::{name}") and step["op"] in MAKING for step in done)


def _read(events: Path) -> list[dict[str, Any]]:
    if not events.exists():
        return []
    return [json.loads(line) for line in events.read_text().splitlines() if line.endswith("}")]
