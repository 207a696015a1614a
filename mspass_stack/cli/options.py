"""Options that several commands take."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from mspass_stack import state

F = TypeVar("F", bound=Callable[..., Any])


def stack_option(function: F) -> F:
    """Take `--stack NAME`; without it, the stack that is selected in Pulumi."""
    help = "the stack; without it the one that `pulumi stack select` has selected"
    chosen = click.option("--stack", "-s", metavar="NAME", envvar="MSPASS_STACK", help=help, callback=_or_selected)
    return chosen(function)


def _or_selected(context: click.Context, parameter: click.Parameter, value: str | None) -> str:
    return value or ("" if context.resilient_parsing else state.selected())
