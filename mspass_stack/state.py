"""What Pulumi says of a stack: its outputs, and the resources in its state."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from mspass_stack.errors import NotUpError


def outputs(stack: str) -> dict[str, Any]:
    """Return the stack outputs, secrets included.

    Raises:
        NotUpError: with what Pulumi said.
    """
    found = _asked("output", "--json", "--show-secrets", stack=stack)
    if "inventory" not in found:
        raise NotUpError(f"stack '{stack}' is not up: pulumi up -s {stack}")
    return found


def resources(stack: str) -> list[dict[str, Any]]:
    """Return the resources in a stack's state, which one whose first `up` has failed has too.

    Raises:
        NotUpError: with what Pulumi said.
    """
    return _asked("export", stack=stack)["deployment"].get("resources") or []


def selected() -> str:
    """Return the name of the stack that `pulumi stack select` has selected.

    Raises:
        NotUpError: there is none.
    """
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
    ran = pulumi("stack", *words, "--stack", stack)
    if ran.returncode:
        raise NotUpError(ran.stderr.strip())
    return json.loads(ran.stdout)
