"""Name what the agent can be asked, and answer."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from . import beside, commands, preparation, proc, processes, programs, relay, sockets, stage_calls
from .allocation import Allocation
from .errors import Refused
from .job_supervisor import JobSupervisor, supervisor_of
from .left_steps import end_left_steps
from .login import daemon_environment
from .marks import marked


def stop(*, directory: str, stack_id: str, name: str) -> None:
    """Stop a process in the way that it was started with, and forget it; absent is fine."""
    supervisor_of(directory, stack_id).stop(name)


def shut_down(*, directory: str, stack_id: str) -> None:
    """Stop all processes of a directory and their supervisord; leaves no file but the logs."""
    supervisor_of(directory, stack_id).shut_down()


def has_given_up(*, directory: str, stack_id: str, name: str) -> bool:
    """Whether supervisord tries no more to start a process, or knows no such process."""
    return supervisor_of(directory, stack_id).has_given_up(name)


def exit_report(*, directory: str, stack_id: str, name: str) -> str:
    """Tell how a process last ended, and the end of its log."""
    return supervisor_of(directory, stack_id).exit_report(name)


def log_tail(*, directory: str, stack_id: str, name: str, lines: int) -> str:
    """Read the last lines of a process's log."""
    return supervisor_of(directory, stack_id).files.log_tail(name, lines)


def run_once(*, argv: Sequence[str], seconds: float, directory: str = "") -> dict[str, Any]:
    """Run a command in the login's environment: `status` and `output`, both streams together."""
    return commands.run(argv, seconds, daemon_environment(), directory)


def run_beside(*, directory: str, name: str, argv: Sequence[str], seconds: float) -> dict[str, Any]:
    """Run a command in the container of a process whose step is on this node: `status` and `output`."""
    try:
        return beside.ask(Allocation(Path(directory) / "run").local / name, argv, seconds)
    except OSError:
        return {"status": processes.DOWN, "output": f"{name} is not up\n"}


def pid_of_step(*, directory: str, name: str) -> int:
    """Find the process that a step on this node runs in its container; 0 when it is not up."""
    return proc.in_container(Allocation(Path(directory) / "run").local / name)


def apply(*, directory: str, stack_id: str) -> None:
    """Take in what a job's files say since its supervisord has read them."""
    supervisor = supervisor_of(directory, stack_id)
    assert isinstance(supervisor, JobSupervisor)
    supervisor.apply()


def listeners(*, ports: Sequence[int]) -> list[dict[str, Any]]:
    """List what listens on these TCP ports."""
    return sockets.listeners(ports)


def strays(*, directory: str, stack_id: str) -> dict[str, str]:
    """Find all that runs for a stack's directory: pid (JSON's keys are texts) and process; supervisord's is empty."""
    return {str(pid): name for pid, name in marked(stack_id, directory).items()}


CALLS: dict[str, Callable[..., Any]] = {
    call.__name__: call
    for call in (
        processes.ensure,
        processes.observe,
        processes.halt,
        processes.resume,
        processes.signal,
        processes.execute,
        processes.enter,
        processes.contained_pid,
        stop,
        shut_down,
        has_given_up,
        exit_report,
        log_tail,
        run_once,
        run_beside,
        pid_of_step,
        apply,
        preparation.ask_preparation,
        preparation.preparation,
        end_left_steps,
        listeners,
        strays,
        programs.find,
        programs.own_python,
        programs.version,
        programs.modules,
        programs.versions,
        stage_calls.stage_look,
        stage_calls.stage_start,
        stage_calls.stage_follow,
        relay.relay_open,
        relay.relay_start,
        relay.relay_send,
        relay.relay_receive,
        relay.relay_close,
    )
}
"""All calls by name: keyword arguments in, plain types of JSON in and out."""


def answer(request: Mapping[str, Any]) -> dict[str, Any]:
    """Answer one request: `id`, `call` and `arguments`.

    Returns:
        `id` and `answer`, or `id` and `error`: `kind` ("refused", for the user, or "internal", a fault of ours) and
        `text`.
    """
    number = request.get("id")
    try:
        return {"id": number, "answer": CALLS[request["call"]](**request.get("arguments", {}))}
    except Refused as refused:
        return {"id": number, "error": {"kind": "refused", "text": str(refused)}}
    except Exception:
        return {"id": number, "error": {"kind": "internal", "text": traceback.format_exc()}}
