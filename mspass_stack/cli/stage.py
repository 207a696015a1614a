"""`mspass-stack stage`: bring what has changed in what workers have on their hosts, or results back, while they run."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import click

from mspass_stack import state
from mspass_stack.cli.logs import processes_of
from mspass_stack.cli.options import stack_option
from mspass_stack.errors import NotUpError, StackError
from mspass_stack.machines.staged import stage
from mspass_stack.spec.connection import ConnectionSpec
from mspass_stack.spec.process import SlurmProcess

WITH_HOST, WITH_NODES = "mspassnode:index:Staged", "mspassnode:index:NodeProcesses"
"""The resources that say what is brought to a host, and to nodes of a job."""


class StagedHost(NamedTuple):
    """A host with workers that have something brought."""

    connection: ConnectionSpec
    stack_dir: str


@click.command("stage")
@click.argument("what", type=click.Choice(["in", "out"]))
@stack_option
def command(what: str, stack: str) -> None:
    """Bring to each host of workers what has changed in the directories of `stage.in`, or bring back the results of
    `stage.out`, which stay there too."""
    hosts = staged_hosts(state.resources(stack))
    if not hosts:
        raise NotUpError(f"stack '{stack}' brings nothing to its workers: say stage in its file, and pulumi up")
    with ThreadPoolExecutor(len(hosts)) as pool:
        said = list(pool.map(partial(_do, what), hosts))
    if failed := [line for line, is_done in said if not is_done]:
        raise StackError("\n".join(failed))


def staged_hosts(resources: Iterable[Mapping[str, Any]]) -> list[StagedHost]:
    """Return the hosts to which something is brought.

    Args:
        resources: of the state, as `pulumi stack export` shows them.
    """
    found: list[StagedHost] = []
    for resource in resources:
        inputs = resource.get("inputs", {})
        if resource["type"] == WITH_HOST:
            found.append(StagedHost(ConnectionSpec.model_validate(inputs["connection"]), inputs["stackDir"]))
        if resource["type"] == WITH_NODES:
            connection = ConnectionSpec.model_validate(inputs["connection"])
            for process in processes_of(inputs):
                if isinstance(process, SlurmProcess) and process.stage:
                    found.append(StagedHost(connection.sibling(process.host), process.stack_dir))
    return found


def _do(what: str, host: StagedHost) -> tuple[str, bool]:
    name = host.connection.host
    try:
        found = stage(host.connection, host.stack_dir, what, {}, lambda said: click.echo(f"{name}: {said}"))
    except StackError as error:
        return str(error), False
    size = f"{found['bytes'] / 2**20:.1f} MiB in {found['seconds']:.1f} s"
    line = f"{name}: {size} brought" if what == "in" else f"{name}: {found['files']} results, {size} brought back"
    click.echo(line)
    return line, True
