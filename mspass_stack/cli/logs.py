"""`mspass-stack logs`: what a process wrote, by the stack's state: also of a stack whose first `up` has failed."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import click

from mspass_stack import state
from mspass_stack.cli.options import stack_option
from mspass_stack.errors import NotUpError
from mspass_stack.machines import slurm_node
from mspass_stack.managers import manager_of
from mspass_stack.polling import interrupted
from mspass_stack.spec.alike import Alike
from mspass_stack.spec.connection import ConnectionSpec
from mspass_stack.spec.layout import StackLayout
from mspass_stack.spec.process import ProcessSpec, parse_process

WITH_PROCESS = tuple(f"mspassnode:index:{kind}" for kind in ("HostProcess", "Ready", "NodeProcesses", "NodesReady"))
"""The resources that name a process or many: what runs it, and its readiness check."""

WITH_JOB = "mspassnode:index:SlurmJob"

OF_JOB = ("job", "ensure")
"""What a job says of itself, and what prepares its database; `batch` is what it runs by itself, where it does."""

EVERY = 1.0
"""Seconds between two looks of `--follow`."""

FOLLOWED = 1000
"""Lines that are looked back for where the last look ended: nobody reads more in that time."""

KNOWN = 20
"""Lines by which that place is known again."""


@click.command("logs")
@click.argument("process", default="")
@stack_option
@click.option("--follow", "-f", is_flag=True, help="go on with what it writes, until Ctrl-C")
@click.option(
    "--lines",
    "-n",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="how many of the last ones are shown",
)
def command(process: str, stack: str, follow: bool, lines: int) -> None:
    """Show the end of the log of PROCESS; `job`, `ensure` and `batch` are those of a Slurm job, of its
    databases and of what it runs by itself."""
    resources = state.resources(stack)
    found: dict[str, Log | JobLog] = {**logs(resources), **job_logs(resources)}
    if not process:
        raise NotUpError(f"logs of which process? {' '.join(found) or 'there is none yet'}")
    if process not in found:
        raise NotUpError(f"no process '{process}' in stack '{stack}' (processes: {', '.join(found) or 'none yet'})")
    log = found[process]
    shown = log.tail(lines)
    click.echo(shown)
    if follow:
        try:
            for more in _followed(log, shown.splitlines()):
                click.echo("\n".join(more))
        except KeyboardInterrupt:
            return


@dataclass(frozen=True)
class Log:
    """The log of one process, by the inputs of a resource that names it."""

    process: ProcessSpec
    connection: ConnectionSpec
    stack_id: str

    def tail(self, lines: int) -> str:
        """Return its last lines.

        Raises:
            StackError: it cannot be read.
        """
        process, connection = self.process, self.connection
        manager = manager_of(process.manager, connection, process.stack_dir, self.stack_id)
        return manager.log_tail(process.managed_name, lines)


@dataclass(frozen=True)
class JobLog:
    """A log that a job writes of itself, or of what prepares its database."""

    path: str
    connection: ConnectionSpec

    def tail(self, lines: int) -> str:
        """Return its last lines.

        Raises:
            StackError: it cannot be read.
        """
        try:
            return "\n".join(slurm_node(self.connection).read(self.path).splitlines()[-lines:])
        except FileNotFoundError:
            return "(no log)"


def job_logs(resources: Iterable[Mapping[str, Any]]) -> dict[str, JobLog]:
    """Return those of the job of a stack, by the words for them; none where it has its hosts without one."""
    for resource in resources:
        if resource["type"] == WITH_JOB:
            inputs = resource["inputs"]
            connection, log = ConnectionSpec.model_validate(inputs["connection"]), StackLayout(inputs["stackDir"]).log
            names = [*OF_JOB, *(["batch"] if inputs.get("batch") else [])]
            return {name: JobLog(str(log / f"{name}.log"), connection) for name in names}
    return {}


def logs(resources: Iterable[Mapping[str, Any]]) -> dict[str, Log]:
    """Return the logs by process, in the order of starting.

    Args:
        resources: of the state, as `pulumi stack export` shows them.
    """
    found: dict[str, Log] = {}
    for resource in resources:
        if resource["type"] in WITH_PROCESS:
            inputs = resource["inputs"]
            connection = ConnectionSpec.model_validate(inputs["connection"])
            for process in processes_of(inputs):
                found[process.name] = Log(process, connection, inputs["stackId"])
    return dict(sorted(found.items(), key=lambda entry: entry[1].process.order))


def processes_of(inputs: Mapping[str, Any]) -> Iterator[ProcessSpec]:
    """Yield the processes that a resource names.

    Args:
        inputs: of the resource.
    """
    if "process" in inputs:
        yield parse_process(inputs["process"])
    for group in inputs.get("processes", []):
        yield from (process for process, _ in Alike.model_validate(group).each())


def _followed(log: Log | JobLog, seen: list[str]) -> Iterator[list[str]]:
    """Yield the lines that come, as they come."""
    while not interrupted.wait(EVERY):
        now = log.tail(FOLLOWED).splitlines()
        if more := new_lines(seen, now):
            yield more
        seen = now


def new_lines(before: list[str], now: list[str]) -> list[str]:
    """Return what was not at the end of a log at the look before; its last line may have grown since."""
    if not before:
        return now
    *known, last = before[-KNOWN:]
    for end in range(len(now) - 1, len(known) - 1, -1):
        if now[end - len(known) : end] == known and now[end].startswith(last):
            return now[end + 1 :] if now[end] == last else now[end:]
    return now  # it was begun anew
