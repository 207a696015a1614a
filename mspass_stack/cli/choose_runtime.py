"""`mspass-stack choose-runtime`: settle under what a stack runs, in its file.

A new stack whose file says nothing gets Docker where an engine, Pulumi's Docker plugin and the image can be had, else
native processes; what was settled once stays, and a stack that is up is never switched.
"""

import json
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, cast

import click
import yaml

from mspass_stack import state
from mspass_stack.cli.options import stack_option
from mspass_stack.cli.stack_file import with_key
from mspass_stack.config.sections import Cluster
from mspass_stack.errors import EngineError, NotUpError, Refused
from mspass_stack.machines.local import LocalMachine
from mspass_stack.managers.docker_engine import DockerEngine, address
from mspass_stack.managers.docker_network import foreign_network
from mspass_stack.spec.connection import ConnectionSpec

Runtime = Literal["docker", "native"]

TYPES: dict[str, Runtime] = {
    "docker:index/container:Container": "docker",
    "mspassnode:index:HostProcess": "native",
}
"""What runs processes, by the runtime that declares it."""

INSTALL = ("plugin", "install", "resource", "docker", version("pulumi-docker"))


@click.command("choose-runtime")
@stack_option
@click.option("--runtime", type=click.Choice([*TYPES.values(), ""]), default="", help="settle for this one")
def command(stack: str, runtime: Runtime | Literal[""]) -> None:
    """Settle under what a stack runs, in its file: Docker where it can be had, unless it is settled already."""
    if answer := select_runtime(stack, runtime or None):
        click.echo(answer)


def runs_as(resources: list[dict[str, Any]]) -> Runtime | None:
    """Return the runtime of a stack that is up, by the types in its state."""
    return next((TYPES[resource["type"]] for resource in resources if resource["type"] in TYPES), None)


def select_runtime(stack: str, requested: Runtime | None) -> str | None:
    """Settle the runtime; return what to tell the user, None when all is as it was.

    Raises:
        Refused: the stack is up under the other runtime, or Docker cannot be had.
    """
    file = Path("stacks", f"Pulumi.{stack}.yaml")
    if not file.exists():
        raise Refused(f"stack '{stack}' has no file {file.resolve()}")
    text = file.read_text()
    cluster = cast("dict[str, Any]", yaml.safe_load(text) or {}).get("config", {}).get("mspass:cluster", {})
    live = runs_as(_resources(stack))
    runtime = requested or cluster.get("runtime") or live
    if live and runtime != live:
        raise Refused(
            f"stack '{stack}' is up with runtime {live}: first 'pulumi destroy -s {stack}' (the data stay), "
            f"then 'mspass-stack choose-runtime -s {stack} --runtime {runtime}' and pulumi up open them again"
        )
    hosts: dict[str, dict[str, Any] | None] = cluster.get("hosts") or {}
    if requested is None and any(host and host.get("runtime") for host in hosts.values()):
        return None
    why = None
    if runtime is None:
        why = _why_not_docker(cluster.get("image") or Cluster.model_fields["image"].default)
        runtime = "native" if why else "docker"
    elif runtime == "docker":
        _plugin()
    if cluster.get("runtime") == runtime:
        return None
    file.write_text(with_key(text, "runtime", runtime))
    reason = f" ({why})" if why else ""
    change = f"mspass-stack choose-runtime -s {stack} --runtime ..."
    return f"runtime: {runtime}{reason}, as {file} says from now on; '{change}' changes it after a destroy"


def _why_not_docker(image: str) -> str | None:
    """Return why containers cannot be had without asking anybody; None when they can."""
    engine = DockerEngine(ConnectionSpec(engine=address()))
    try:
        engine.find_image(image)
        _plugin()
        # Only a container shows on which network it is, and the image is going to be pulled anyway.
        return foreign_network(engine, LocalMachine(), engine.pull(image, lambda text: print(f"\r{text}", end="\r")))
    except (EngineError, Refused) as error:
        return str(error).splitlines()[0]


def _plugin() -> None:
    """Make sure of Pulumi's Docker plugin.

    Raises:
        Refused: it is not there and cannot be fetched.
    """
    installed = json.loads(state.pulumi("plugin", "ls", "--json").stdout or "[]")
    if shutil.which("pulumi-resource-docker") or any(plugin["name"] == "docker" for plugin in installed):
        return
    if state.pulumi(*INSTALL).returncode == 0:
        return
    raise Refused(
        "Pulumi's Docker plugin is not installed and cannot be fetched\n"
        f"where the internet can be reached: pulumi {' '.join(INSTALL)}; "
        "without Docker: mspass-stack choose-runtime --runtime native"
    )


def _resources(stack: str) -> list[dict[str, Any]]:
    try:
        return state.resources(stack)
    except NotUpError:
        return []
