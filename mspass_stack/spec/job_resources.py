"""The inputs of the resources of a Slurm job."""

from pydantic import Field

from mspass_stack.spec.connection import ConnectionSpec
from mspass_stack.spec.job import JobSpec
from mspass_stack.spec.resources import OfStack, unseen


class SlurmJobInputs(OfStack):
    """The job that gives a stack its nodes."""

    connection: ConnectionSpec = unseen("how the first node is reached, and the login host")
    stack_dir: str = Field(description="the stack's directory on the file system that the nodes share")
    asked: JobSpec = Field(description="what is asked for")
    preparation: list[str] = Field(default=[], description="the words that run a Python which prepares the database")


class AllocationInputs(OfStack):
    """The nodes of a job."""

    connection: ConnectionSpec = unseen("how the first node is reached, and the login host")
    stack_dir: str = Field(description="the stack's directory on the file system that the nodes share")
    job: str = Field(description="its id")
    queue_wait: int = Field(description="seconds that one update waits for it to start")
