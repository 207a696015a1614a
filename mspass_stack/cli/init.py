"""`mspass-stack init DIR`: a project of one's own, that needs no clone of this one."""

import json
import os
import secrets
import sys
from importlib.resources import files
from pathlib import Path

import click

from mspass_stack import state
from mspass_stack.cli import schema
from mspass_stack.cli.choose_runtime import select_runtime
from mspass_stack.cli.pulumi import GET_PULUMI, find
from mspass_stack.errors import Refused

STACK = "desktop"
"""The stack that a new project begins with."""

PLUGIN = "pulumi-resource-mspassnode"

PROJECT = """\
name: mspass
description: A MsPASS cluster - MongoDB, Dask and Jupyter - declared as a stack
runtime: python
stackConfigDir: stacks
# Every `up`, `preview` and `destroy` looks first at what really runs.
options:
  refresh: always
plugins:
  providers:
    - name: mspassnode
      # Of the environment that has mspass_stack; `mspass-stack init` of another one writes its own.
      path: {folder}
"""

IGNORED = (
    "# The state and the passphrase that opens it, what workflows write, and the database.\n/.state/\n/work/\n/data/\n"
)


@click.command("init")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
def command(directory: Path) -> None:
    """Write a Pulumi project with a desktop stack into DIRECTORY, which is new or empty."""
    plugin = Path(sys.executable).with_name(PLUGIN)
    if not plugin.exists():
        raise Refused(f"{plugin} is missing: install mspass-stack into this environment with pip or uv")
    if directory.exists() and any(directory.iterdir()):
        raise Refused(f"{directory} is not empty: name a new folder")
    write(directory, plugin.parent)
    os.chdir(directory)
    enter = f"    cd {directory}\n"
    if find(os.environ.get("PATH", os.defpath), Path(sys.executable).parent) is None:
        click.echo(f"{directory} is written, but {GET_PULUMI}:\n{enter}    mspass-stack pulumi stack init {STACK}")
        return
    made = state.pulumi("stack", "init", STACK)
    if made.returncode:
        raise Refused(made.stderr.strip())
    click.echo(select_runtime(STACK, None) or "")
    click.echo(
        f"{directory} is ready. Go on with:\n{enter}    mspass-stack pulumi up -s {STACK}\n    mspass-stack status"
    )


def write(directory: Path, folder: Path) -> None:
    """Write the files of a project.

    Args:
        folder: where the plugin's console script is, whose first line names its interpreter.
    """
    template = files("mspass_stack.cli").joinpath("project")
    stacks, state_directory = directory / "stacks", directory / ".state"
    stacks.mkdir(parents=True)
    (directory / "Pulumi.yaml").write_text(PROJECT.format(folder=json.dumps(str(folder))))
    (directory / "__main__.py").write_text(template.joinpath("__main__.py").read_text())
    (directory / ".gitignore").write_text(IGNORED)
    file = f"Pulumi.{STACK}.yaml"
    (stacks / file).write_text(template.joinpath(file).read_text())
    (stacks / schema.NAME).write_text(schema.text())
    # Owner only: the state and the passphrase that opens its secrets are both in there.
    state_directory.mkdir(mode=0o700)
    passphrase = state_directory / "passphrase"
    passphrase.touch(mode=0o600)
    passphrase.write_text(f"{secrets.token_urlsafe(32)}\n")
