"""What Pulumi says of a stack: its outputs, the resources in its state, its config."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from mspass_stack.errors import NotUpError
from mspass_stack.spec.inventory import Inventory

PROJECT_FILES = ("Pulumi.yaml", "Pulumi.yml", "Pulumi.json")


def deployed(stack: str) -> tuple[dict[str, Any], Inventory]:
    """Return the stack outputs, secrets included, and the inventory that is one of them.

    Raises:
        NotUpError: with what Pulumi said.
    """
    outputs = _asked("output", "--json", "--show-secrets", stack=stack)
    if "inventory" in outputs:
        return outputs, Inventory.model_validate(outputs["inventory"])
    if outputs:
        raise NotUpError(f"stack '{stack}' has no output 'inventory': its program exports VirtualCluster's, or none")
    raise NotUpError(f"stack '{stack}' is not up: pulumi up -s {stack}")


def resources(stack: str) -> list[dict[str, Any]]:
    """Return the resources in a stack's state, which one whose first `up` has failed has too.

    Raises:
        NotUpError: with what Pulumi said.
    """
    return _asked("export", stack=stack)["deployment"].get("resources") or []


def config(stack: str, key: str) -> Any:
    """Return an object of a stack's config.

    Raises:
        NotUpError: with what Pulumi said.
    """
    project_directory()
    ran = pulumi("config", "get", key, "--stack", stack)
    if ran.returncode:
        raise NotUpError(ran.stderr.strip())
    return json.loads(ran.stdout)


def selected() -> str:
    """Return the name of the stack that `pulumi stack select` has selected.

    Raises:
        NotUpError: there is none.
    """
    project_directory()
    ran = pulumi("stack", "--show-name")
    if ran.returncode:
        raise NotUpError(f"which stack? --stack NAME\n{ran.stderr.strip()}".strip())
    return ran.stdout.strip()


def pulumi(*words: str) -> "subprocess.CompletedProcess[str]":
    """Run Pulumi's CLI with the settings of this project, which never asks."""
    shim = Path(sys.executable).with_name("pulumi")
    cli = [str(shim)] if shim.exists() else [sys.executable, "-I", "-m", "mspass_stack", "pulumi"]
    return subprocess.run([*cli, "--non-interactive", *words], capture_output=True, text=True)


def _asked(*words: str, stack: str) -> dict[str, Any]:
    """Return what `pulumi stack ...` answers."""
    if "/" not in stack:  # the name of a project is in it
        project_directory()
    ran = pulumi("stack", *words, "--stack", stack)
    if ran.returncode:
        raise NotUpError(ran.stderr.strip())
    return json.loads(ran.stdout)


def project_directory() -> Path:
    """Return the directory of the project; Pulumi has other words for where there is none.

    Raises:
        NotUpError: there is none.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        if any((folder / file).exists() for file in PROJECT_FILES):
            return folder
    raise NotUpError(f"no Pulumi.yaml in {here} or above it: change to the folder of the project")
