"""`mspass-stack`: one command for all that is asked of a stack; a file per command.

Exit statuses: 0; 1 when what was asked is not so (a process is not ready, a check failed); 2 when it could not be asked
(wrong words, no such stack). `run`, `verify` and `pulumi` pass on those of what they run.
"""

import sys
from importlib import import_module

import click

from mspass_stack._version import __version__
from mspass_stack.errors import StackError

COMMANDS = (
    "choose-runtime",
    "connect",
    "init",
    "login",
    "logs",
    "pulumi",
    "run",
    "schema",
    "stage",
    "status",
    "verify",
)


class Commands(click.Group):
    """Commands by name, each loaded when it is asked for: `pulumi` is, for every word that is typed to Pulumi."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        return import_module(f"mspass_stack.cli.{cmd_name.replace('-', '_')}").command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mspass-stack")
def group() -> None:
    """Look at, use and check a MsPASS cluster that Pulumi has deployed."""


def run() -> None:
    """Run the command of the arguments; what cannot be done is told in a line, not by a traceback."""
    try:
        group.main(prog_name="mspass-stack", standalone_mode=True)
    except BrokenPipeError:  # `| head` has seen enough
        sys.stderr.close()
        sys.exit(0)
    except (StackError, OSError) as error:
        click.echo(str(error), err=True)
        sys.exit(2)
