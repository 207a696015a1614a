"""`mspass-stack run`: a script or a notebook in the environment of the frontend."""

import sys

import click

from mspass_stack import state
from mspass_stack.cli.batch import submit
from mspass_stack.cli.options import stack_option
from mspass_stack.cli.runs import Runs, place_for_runs
from mspass_stack.errors import Refused

INTERRUPTED = 130
"""Exit status of a program that was ended by Ctrl-C, as a shell has it."""


@click.command("run", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@stack_option
@click.option("--attach", is_flag=True, help="follow one that runs, or ran: FILE is its ID, else the last one")
@click.option("--detach", is_flag=True, help="start it and print its ID; --attach finds it")
@click.option("--batch", is_flag=True, help="have the Slurm job of the stack run it, with nobody logged in")
@click.argument("file", required=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(stack: str, attach: bool, detach: bool, batch: bool, file: str | None, arguments: tuple[str, ...]) -> None:
    """Run FILE (.py or .ipynb) with its ARGUMENTS where the frontend is, else a worker.

    Options come before FILE: what is behind it is the program's. Exit status: that of the program. It goes on when the
    connection or the terminal is lost; Ctrl-C ends it. --batch writes FILE into the stack's own file and types pulumi
    up: the job runs it once, and stops.
    """
    if batch:
        if attach or detach or file is None:
            raise Refused("mspass-stack run --batch FILE.py|FILE.ipynb [ARGUMENTS], without --attach and --detach")
        sys.exit(submit(stack, file, arguments))
    _, inventory = state.deployed(stack)
    runs = Runs(inventory, place_for_runs(inventory))
    if attach:
        name = file or runs.newest()
    elif file is None:
        raise Refused("which file? mspass-stack run FILE.py|FILE.ipynb [ARGUMENTS]")
    else:
        name = runs.start(file, arguments)
    if detach:
        click.echo(name)
        return
    click.echo(f"{name} runs beside {runs.place}", err=True)
    sys.exit(_followed(runs, name))


def _followed(runs: Runs, name: str) -> int:
    """Show what it says until it ends; return its exit status."""

    def warn(text: str) -> None:
        click.echo(text, err=True)

    try:
        status, why = runs.follow(name, lambda text: click.echo(text, nl=False), warn)
    except KeyboardInterrupt:
        warn(f"\nending {name}")
        runs.end(name)
        return INTERRUPTED
    if why:
        warn(f"{name} was ended: {why}")
    return status
