"""`Batch`: a notebook or a script that a job runs by itself, with nobody logged in."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from mspass_stack.config.durations import Duration
from mspass_stack.config.model import Model, Text, like

ON_RESTART = "onRestart"
"""The word by which a run that its job cut short is run again by the next one."""

File = Annotated[str, like(r"^(.*/)?[^/]+\.(ipynb|py)$", "a path that ends in .ipynb or .py")]


def _number_or_word(value: object) -> object:
    if value == ON_RESTART or (type(value) is int and value >= 0):
        return value
    raise ValueError(f"expected a number, or {ON_RESTART}")


Again = Annotated[
    int | Literal["onRestart"],
    BeforeValidator(_number_or_word, json_schema_input_type=int | Literal["onRestart"]),
]


class Batch(Model):
    """A notebook or a script that the job runs once, when database and workers are there."""

    run: File = Field(description="path of a .ipynb or .py on the control node; `up` brings it to the cluster")
    args: tuple[Text, ...] = Field(default=(), description="its arguments, as texts; a notebook has none")
    then: Literal["stop", "keep"] = Field(
        default="stop",
        description="whether the job stops in order when it has ended, with its exit status, or keeps the cluster up",
    )
    again: Again = Field(
        default=0,
        description="what has ended is run again when this is another number; `onRestart`: the next job runs again "
        "what the end of a job cut short",
    )
    start_wait: Duration = Field(
        default=Duration("10m"),
        alias="startWait",
        description="how long the job waits for database and workers until the run has failed",
    )
