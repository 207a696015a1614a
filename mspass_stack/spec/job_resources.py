"""The inputs of the resources of a Slurm job."""

from pydantic import Field

from mspass_stack.spec.alike import Alike
from mspass_stack.spec.batch import BatchSpec
from mspass_stack.spec.connection import ConnectionSpec
from mspass_stack.spec.job import JobSpec
from mspass_stack.spec.resources import OfStack, authority, unseen


class SlurmJobInputs(OfStack):
    """The job that gives a stack its nodes."""

    connection: ConnectionSpec = unseen("how the first node is reached, and the login host")
    stack_dir: str = Field(description="the stack's directory on the file system that the nodes share")
    asked: JobSpec = Field(description="what is asked for")
    preparation: list[str] = Field(default=[], description="the words that run a Python which prepares the database")
    batch: BatchSpec | None = Field(default=None, description="what it runs by itself")
    batch_source: str = unseen("where the control node has the file of that", "")


class BatchInputs(OfStack):
    """What a job runs by itself, as it is seen."""

    connection: ConnectionSpec = unseen("how the first node is reached, and the login host")
    stack_dir: str = Field(description="the stack's directory on the file system that the nodes share")
    run: str = Field(description="its id")
    job: str = Field(description="which start of which job is to run it")


class ReverseAccessInputs(OfStack):
    """Where login hosts to which a job dials out lead to its Jupyter."""

    connection: ConnectionSpec = unseen("how the first node is reached, and the login host")
    stack_dir: str = Field(description="the stack's directory on the file system that the nodes share")
    logins: list[str] = Field(description="those hosts, as nodes know them")
    job: str = Field(description="which start of which job dials out")


class ApptainerImageInputs(OfStack):
    """The image of a job's containers."""

    connection: ConnectionSpec = unseen("how the first node is reached, and the login host")
    stack_dir: str = Field(description="the stack's directory on the file system that the nodes share")
    image: str = Field(description="as the config has it: a path, or what it is built from")
    asked: JobSpec = unseen("the job that it is for")


class AllocationInputs(OfStack):
    """The nodes of a job."""

    connection: ConnectionSpec = unseen("how the first node is reached, and the login host")
    stack_dir: str = Field(description="the stack's directory on the file system that the nodes share")
    job: str = Field(description="its id")
    queue_wait: int = Field(description="seconds that one update waits for it to start")


class NodeProcessesInputs(OfStack):
    """The processes of one role on the nodes of a job."""

    connection: ConnectionSpec = unseen("how the first node is reached, and the login host")
    processes: list[Alike] = Field(description="what is executed on which nodes")
    digests: dict[str, str] = Field(description="of what a restart is for, by host")
    drain_connection: ConnectionSpec | None = unseen("how the host is reached where one is drained", None)


class NodesReadyInputs(OfStack):
    """Processes on the nodes of a job that do their job, by their probes."""

    connection: ConnectionSpec = unseen("how the first node is reached, and the login host")
    probe_connection: ConnectionSpec = unseen("how the host is reached that sees their probes")
    processes: list[Alike] = Field(description="what is probed on which nodes")
    incarnations: list[str] = Field(description="their own together, and of those whose restart unsettles them")
    authority: str = authority()
