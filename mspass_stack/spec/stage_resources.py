"""The inputs of the resource that brings directories to a host, and results back."""

from pydantic import Field

from mspass_stack.spec.connection import ConnectionSpec
from mspass_stack.spec.resources import OfStack, unseen
from mspass_stack.spec.stage import StageSpec


class StagedInputs(OfStack):
    """What the workers of a host have there."""

    connection: ConnectionSpec = unseen("how the host is reached")
    stack_dir: str = Field(description="the stack's directory there")
    spec: StageSpec = Field(description="what is brought, and back")
