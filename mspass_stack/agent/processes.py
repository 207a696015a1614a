"""Bring a process up as declared, tell what became of it, and run commands beside it."""

from __future__ import annotations

import os
import signal as signals
import sys
from collections.abc import Sequence
from typing import Any

from . import commands, contained, proc
from .errors import Refused
from .job_supervisor import supervisor_of
from .marks import DIGEST
from .supervisor import Supervisor
from .waiting import wait_until

START = 20
"""Seconds until a process that ends at once has been given up by its supervisor: four starts and their pauses."""

DOWN = 1
"""Exit status of a command beside a process that is not up."""


def ensure(
    *,
    directory: str,
    stack_id: str,
    name: str,
    digest: str,
    launcher: str,
    order: int,
    stop_signal: str,
    grace: int,
    ports: Sequence[int],
    supervisord: Sequence[str],
    step: str = "",
) -> dict[str, Any]:
    """Adopt the process when it runs as declared, and start it anew when not.

    Args:
        directory: of the stack.
        stack_id: of the stack.
        name: of the process.
        digest: names exactly this process; the launcher exports it as MSPASS_DIGEST.
        launcher: a script for /bin/sh that becomes the process.
        order: what has a higher one stops sooner.
        stop_signal: without SIG, as in `TERM`.
        grace: seconds until the process is killed after that signal.
        ports: that nobody else may hold.
        supervisord: the command that starts one; an empty word is our own interpreter, its config is added.
        step: what runs on the node of a process in a job, as JSON.

    Returns:
        `incarnation` (empty when it is not up, or waits for its job), `restarted` (whether this call started it), and
        `failed`: how it ended when it does not run as launched, or None.

    Raises:
        Refused: somebody else holds a port, or supervisord hangs or does not start.
    """
    supervisor = supervisor_of(directory, stack_id)
    running = _pid(supervisor, name)
    adopted = running and supervisor.files.digest(name) == digest and not proc.is_lost(running)
    if adopted:
        supervisor.restate(name, order, stop_signal, grace, step)
    else:
        supervisor.stop(name)
        supervisor.refuse_held(ports)
        program = [word or sys.executable for word in supervisord]
        supervisor.start(name, launcher, order, stop_signal, grace, program, step)
    settled = "runs" if supervisor.waits else wait_until(lambda: _become(supervisor, name, digest), START)
    return {
        "incarnation": supervisor.incarnation(name),
        "restarted": not adopted,
        "failed": None if settled == "runs" else supervisor.exit_report(name),
    }


def observe(*, directory: str, stack_id: str, name: str) -> dict[str, Any]:
    """Look at a process.

    Returns:
        `state` (supervisord's name for it), `incarnation` and `digest` (of the launcher on the disk), each empty where
        there is none, and `lost`: whether its working directory was removed.
    """
    supervisor = supervisor_of(directory, stack_id)
    state = supervisor.state(name).get("statename", "")
    pid = _pid(supervisor, name)
    return {
        "state": state,
        "incarnation": proc.incarnation(pid),
        "digest": supervisor.files.digest(name),
        "lost": bool(pid) and proc.is_lost(pid),
    }


def halt(*, directory: str, stack_id: str, name: str) -> bool:
    """Stop a process that is to go on later, and tell whether it ran."""
    supervisor = supervisor_of(directory, stack_id)
    running = bool(_pid(supervisor, name))
    if running:
        supervisor.halt(name)
    return running


def resume(*, directory: str, stack_id: str, name: str) -> None:
    """Start a process that was halted."""
    supervisor_of(directory, stack_id).resume(name)


def signal(*, directory: str, stack_id: str, name: str, signal: str) -> None:
    """Send a signal, named without SIG, to a process that is up.

    Raises:
        Refused: it is not up.
    """
    pid = _pid(supervisor_of(directory, stack_id), name)
    if not pid:
        raise Refused(f"{name} is not up")
    os.kill(pid, signals.Signals[f"SIG{signal}"])


def execute(*, directory: str, stack_id: str, name: str, argv: Sequence[str], seconds: float) -> dict[str, Any]:
    """Run a command with the environment and in the working directory of a process that is up.

    Returns:
        `status` and `output`, both streams together; killed with its group after `seconds`.
    """
    pid = _pid(supervisor_of(directory, stack_id), name)
    environment, working = proc.marks_of(pid), proc.directory(pid)
    if not environment or not working:
        return {"status": DOWN, "output": f"{name} is not up\n"}
    return commands.run(argv, seconds, environment, working)


def enter(*, directory: str, stack_id: str, name: str, argv: Sequence[str], seconds: float) -> dict[str, Any]:
    """Run a command in the container of a process that is up on this host: `status` and `output`."""
    marks = proc.marks_of(_pid(supervisor_of(directory, stack_id), name))
    if not marks:
        return {"status": DOWN, "output": f"{name} is not up\n"}
    return contained.run_beside(directory, name, argv, seconds, marks)


def contained_pid(*, directory: str, name: str) -> int:
    """Find what runs in the container of a process on this host; 0 when it is not up."""
    return proc.in_container(contained.place_of(directory, name))


def _pid(supervisor: Supervisor, name: str) -> int:
    """Find the pid of a process that is up; 0 when it is not."""
    return int(supervisor.incarnation(name).split("-")[0] or 0)


def _become(supervisor: Supervisor, name: str, digest: str) -> str:
    """Whether the launcher has become the process, or its supervisor gave up; empty while neither is so."""
    state = supervisor.state(name)
    if state.get("statename") == "FATAL":
        return "gave up"
    pid = _pid(supervisor, name)
    return "runs" if pid and proc.marks_of(pid).get(DIGEST) == digest else ""
