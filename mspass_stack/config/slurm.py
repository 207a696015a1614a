"""`Slurm`: the allocation that a cluster asks of a batch system; its nodes are the hosts."""

from typing import Annotated, Literal, Self, cast

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from mspass_stack.config.access import AccessOrWays
from mspass_stack.config.directives import Directives
from mspass_stack.config.durations import Duration, TimeLimit
from mspass_stack.config.hosts import Host
from mspass_stack.config.model import Memory, Model, like, refuse

RUNTIME = "apptainer"
"""How processes are packaged on a node, where the config does not say: a node has no engine of Docker."""

IMAGE_SCHEME = "docker://"
"""What goes before an image that is not a path."""

MOST = 4096
"""Nodes of an allocation."""

MOST_JOBS = 100
"""Jobs that are submitted at once."""

Nodes = Annotated[int, Field(ge=1, le=MOST)]
Word = Annotated[str, like(r"^[^\s-]\S*$", "a word without blanks that does not begin with -")]
ProfileName = Annotated[
    str, like(r"^([a-z][a-z0-9-]*|.+\.yaml)$", "the name of a profile, or a path that ends in .yaml")
]


class Slurm(Model):
    """A Slurm allocation; its nodes are the hosts `node0`, `node1`, and so on."""

    job: Literal["current"] | None = Field(
        default=None,
        description="`current`: the allocation in which `pulumi up` is typed, in place of a job that is submitted",
    )
    nodes: Nodes = Field(default=0, description="how many nodes; required, but with `job: current`: all that it has")
    time: TimeLimit | None = Field(
        default=None,
        description="how long a job may run, as Slurm writes it: minutes, M:S, H:M:S, D-H, D-H:M or D-H:M:S; required "
        "where one is submitted",
    )
    jobs: Annotated[int, Field(ge=1, le=MOST_JOBS)] = Field(
        default=1, description="how many jobs are submitted at once; each goes on where the one before it has ended"
    )
    partition: Word | None = Field(default=None, description="partition; by default the site's own choice")
    account: Word | None = Field(default=None, description="account that is charged; by default the site's own choice")
    qos: Word | None = Field(default=None, description="quality of service; by default the site's own choice")
    cores: Annotated[int, Field(ge=1, le=4096)] | None = Field(
        default=None, description="cores of each node; without it and `memory` whole nodes are asked for"
    )
    memory: Memory | None = Field(default=None, description="memory of each node, at least 128MiB")
    directives: Directives = Field(
        default={},
        description="options of sbatch by their long name without dashes: a value, `true` for one that has none, or "
        "null to drop one of ours",
    )
    login: Host | None = Field(
        default=None, description="the login host, with `address` and `ssh`; by default this machine is one"
    )
    profile: ProfileName = Field(
        default="generic", description="what is particular to the site: a profile's name, or a path that ends in .yaml"
    )
    access: AccessOrWays | None = Field(
        default=None, description="ways to what runs on nodes, in the place of the profile's; or a list of them"
    )
    queue_wait: Duration = Field(
        default=Duration("15m"), alias="queueWait", description="how long one `up` waits for the job to start"
    )
    stop_before: Duration = Field(
        default=Duration("10m"), alias="stopBefore", description="how long before its end the job stops in order"
    )

    @model_validator(mode="after")
    def _submitted(self) -> Self:
        """Refuse a job that is to be submitted and does not say what is asked for."""
        if missing := [name for name in ("nodes", "time") if not getattr(self, name) and not self.job]:
            refuse(((name,), "required") for name in missing)
        return self

    @property
    def hosts(self) -> tuple[str, ...]:
        return _names(self.nodes)

    @property
    def gives(self) -> str:
        """Return in words which hosts there are."""
        names = self.hosts
        return f"slurm.nodes: {self.nodes} gives {' to '.join(dict.fromkeys((names[0], names[-1])))}"


def node_names(slurm: object) -> tuple[str, ...]:
    """Return the hosts of an allocation, checked or as it is written; one, where their number is none."""
    if isinstance(slurm, Slurm):
        return slurm.hosts
    nodes = cast("dict[str, object]", slurm).get("nodes") if isinstance(slurm, dict) else None
    try:
        return _names(TypeAdapter(Nodes).validate_python(nodes))
    except ValidationError:
        return _names(1)


def _names(nodes: int) -> tuple[str, ...]:
    return tuple(f"node{number}" for number in range(nodes))
