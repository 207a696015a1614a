"""Options of sbatch that a user or a profile adds to a job, or drops from it."""

import re
from typing import Annotated, Literal, cast

from pydantic import BeforeValidator

from mspass_stack.config.model import Problem, like, refuse

PATTERN = r"^[a-z][a-z0-9-]*$"

Option = Annotated[str, like(PATTERN, "a long option of sbatch without its dashes, as in mem-per-cpu")]
"""The long name of an option, without its dashes."""

OWN = "the stack sets it itself"

REFUSED: dict[str, str] = {
    **dict.fromkeys(("output", "error", "open-mode", "signal", "dependency", "job-name", "comment", "chdir"), OWN),
    **dict.fromkeys(("parsable", "wait", "test-only", "help", "usage", "version"), "sbatch would answer otherwise"),
    "wrap": "the job has a script of its own",
    "array": "the stack is one job",
    "no-requeue": "expected requeue: null",
    "no-kill": "a job that goes on without a node of its own is no cluster",
    "clusters": "the job is looked for in the login host's own cluster",
    **{key: f"expected slurm.{key}" for key in ("nodes", "time", "partition", "account", "qos")},
}
"""Options that would break the stack, or have a key of their own, and why each is refused."""

KEYS = {"cpus-per-task": "cores", "mem": "memory"}
"""Options that may be dropped, and whose values have a key of their own."""


def _checked(value: object) -> object:
    """Refuse options that would break the stack, and values that no option has."""
    if not isinstance(value, dict):
        return value
    options = cast("dict[object, object]", value)
    problems: list[Problem] = [
        ((str(name),), reason) for name, given in options.items() if (reason := _reason(str(name), given))
    ]
    if problems:
        refuse(problems)
    return options


def _reason(name: str, value: object) -> str:
    # getopt takes an option by each beginning of its name.
    if name and (full := next((option for option in REFUSED if option.startswith(name)), "")):
        return f"'{full}' may be neither set nor dropped: {REFUSED[full]}"
    if name in KEYS and value is not None:
        return f"{value!r}: expected slurm.{KEYS[name]}, or null to drop the option"
    is_text = isinstance(value, str) and value.isprintable() and bool(value.strip())
    if not (is_text or value is None or value is True or (isinstance(value, int) and not isinstance(value, bool))):
        return f"{value!r}: expected a text, a whole number, true for an option without a value, or null to drop it"
    return ""


def single(text: str) -> str:
    """Return one option as a text, NAME or NAME=VALUE, that does not break the stack.

    Raises:
        ValueError: it is none, or it would.
    """
    name, equals, value = text.partition("=")
    if not re.fullmatch(PATTERN, name) or (equals and not value) or not text.isprintable():
        raise ValueError("expected an option of sbatch without its dashes, as in gres=nvme:100")
    if reason := _reason(name, value or True):
        raise ValueError(reason)
    return text


Directives = Annotated[
    dict[Option, str | int | Literal[True] | None],
    BeforeValidator(_checked),
]
"""Options by name: a text or number as their value, true for one without a value, null for one that is dropped."""
