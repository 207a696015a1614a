"""`Gpus`: how many accelerators the workers of a host have, as their user says it."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from mspass_stack.config.model import Model
from mspass_stack.spec.gpus import Kind

MOST = 64

Count = Annotated[int, Field(ge=1, le=MOST)]


class Gpus(Model):
    """The accelerators of a host's workers; a number is its `count`."""

    count: Count = Field(description="how many, of each host")
    kind: Kind = Field(
        default="nvidia", description="`nvidia`, or `rocm` of AMD: Apptainer's --nv or --rocm, Docker's device requests"
    )


def _gpus(value: object) -> object:
    """Take a number for the count."""
    return {"count": value} if type(value) is int else value


GpusOrCount = Annotated[Gpus, BeforeValidator(_gpus, json_schema_input_type=Count | Gpus)]
