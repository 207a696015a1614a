"""`mspass-stack run --batch`: what a job is to run by itself, written into the file of its stack."""

import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import yaml

from mspass_stack import state
from mspass_stack.cli.stack_file import with_key
from mspass_stack.errors import Refused


def submit(stack: str, file: str, arguments: tuple[str, ...]) -> int:
    """Write a file into the `batch` of a stack, whose other keys stay, and type `pulumi up`; return its exit status.

    Raises:
        Refused: there is no such file, or none of the stack.
    """
    project = state.project_directory()
    config = project / "stacks" / f"Pulumi.{stack.rpartition('/')[2]}.yaml"
    if not config.exists():
        raise Refused(f"stack '{stack}' has no file {config}")
    if not Path(file).is_file():
        raise Refused(f"no file {file}")
    text, path = config.read_text(), Path(file).resolve()
    run = str(path.relative_to(project)) if path.is_relative_to(project) else str(path)
    config.write_text(with_key(text, "batch", _line(text, run, arguments)))
    cli = [sys.executable, "-I", "-m", "mspass_stack", "pulumi"]
    return subprocess.run([*cli, "up", "--yes", "--stack", stack], check=False).returncode


def _line(text: str, run: str, arguments: tuple[str, ...]) -> str:
    cluster = cast("dict[str, Any]", yaml.safe_load(text))["config"]["mspass:cluster"]
    known: dict[str, Any] = {**(cluster.get("batch") or {}), "run": run, "args": list(arguments)}
    kept = {key: value for key, value in known.items() if value != []}
    return yaml.safe_dump(kept, default_flow_style=True, sort_keys=False, width=1 << 20).strip()
