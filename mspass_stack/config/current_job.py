"""`slurm: {job: current}`: the allocation inside of which `pulumi up` is typed, as Slurm's own variables tell it."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from mspass_stack.config.sections import KEY
from mspass_stack.errors import ConfigError

CURRENT = "current"

ITS_OWN = ("time", "partition", "account", "qos", "cores", "memory", "directives", "queueWait", "jobs")
"""Keys by which a job is asked for."""


def allocation(environment: Mapping[str, str]) -> tuple[str, int]:
    """Return the id of the allocation that a shell is in, and its number of nodes; empty and 0 where there is none."""
    nodes = environment.get("SLURM_JOB_NUM_NODES") or environment.get("SLURM_NNODES") or "0"
    return environment.get("SLURM_JOB_ID", ""), int(nodes)


def in_allocation(value: object, environment: Mapping[str, str]) -> object:
    """Return a config, with the nodes of the allocation where it is for that.

    Raises:
        ConfigError: there is none, or what is asked for makes no sense with it; a line per problem.
    """
    cluster: dict[str, Any] = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    slurm = cluster.get("slurm")
    if not isinstance(slurm, dict) or cast("dict[str, Any]", slurm).get("job") != CURRENT:
        return cast(object, value)
    asked = cast("dict[str, Any]", slurm)
    if problems := list(_problems(cluster, asked, *allocation(environment))):
        raise ConfigError("\n".join(problems))
    return {**cluster, "slurm": {"nodes": allocation(environment)[1], **asked}}


def _problems(cluster: dict[str, Any], slurm: dict[str, Any], job: str, count: int) -> Iterator[str]:
    path = f"{KEY}.slurm"
    if not job or not count:
        yield (
            f"{path}.job: 'current': this shell is in no allocation (SLURM_JOB_ID): expected pulumi inside of salloc, "
            "or no job, for one that is submitted"
        )
    elif isinstance(nodes := slurm.get("nodes"), int) and nodes > count:
        yield f"{path}.nodes: {nodes}: job {job} has {count}: expected at most {count}, or none for all of them"
    for key in ITS_OWN:
        if key in slurm:
            yield f"{path}.{key}: {slurm[key]!r}: expected none with job: current, which has what it was asked for"
    if slurm.get("login"):
        yield f"{path}.login: expected none with job: current: pulumi runs inside of the allocation"
    batch = cluster.get("batch")
    if isinstance(batch, dict) and cast("dict[str, Any]", batch).get("then", "stop") == "stop":
        yield f"{KEY}.batch.then: 'stop': expected keep with slurm.job: current: the allocation is not given back"
