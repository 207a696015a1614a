"""What workers have of the directories that are brought to their hosts, and of those for results."""

import hashlib
from collections.abc import Iterator
from pathlib import PurePosixPath

from mspass_stack.agent.words import STAGE
from mspass_stack.config.sections import Cluster
from mspass_stack.config.stage import Stage
from mspass_stack.roles.base import Context
from mspass_stack.spec.stage import Back, Bind, Brought, StageSpec
from mspass_stack.spec.topology import Process

SOURCE = "MSPASS_SCRATCH_DATA_DIR"
"""The variable by which MsPASS names what its workers have a copy of: the source, whose name the copy has in /tmp."""


def stage_of(process: Process, context: Context) -> StageSpec | None:
    """Return what is brought to the host of a process, and back; None where it is none that has a part in it."""
    stage = context.cluster.stage
    if stage is None or process.role != "worker":
        return None
    # In a container a bind shows it where it is declared, else a link does.
    links = {seen: "" if context.host.image else seen for _, seen, _ in _places(stage)}
    return StageSpec(
        host=process.host,
        bring=tuple(Brought(source=one.source, name=_name(one.seen), link=links[one.seen]) for one in stage.bring),
        back=tuple(Back(to=one.to, name=_name(one.seen), link=links[one.seen]) for one in stage.back),
    )


def binds(process: Process, context: Context) -> tuple[Bind, ...]:
    """Return what the container of a process sees of it."""
    if stage_of(process, context) is None:
        return ()
    assert context.cluster.stage
    # A directory that all nodes have is no node's own: there the node says where its own one is.
    root = STAGE if context.host.shares_disk else str(context.layout.stage)
    return tuple(
        Bind(source=f"{root}/{'in' if is_copy else 'out'}/{name}", target=seen, read_only=is_copy)
        for name, seen, is_copy in _places(context.cluster.stage)
    )


def environment(cluster: Cluster) -> dict[str, str]:
    """Return what clients and tasks have of it in their environment."""
    return {SOURCE: cluster.stage.bring[0].source} if cluster.stage and cluster.stage.bring else {}


def _places(stage: Stage) -> Iterator[tuple[str, str, bool]]:
    """Yield name and path of each directory that workers see, and whether it is a copy."""
    yield from ((_name(one.seen), one.seen, True) for one in stage.bring)
    yield from ((_name(one.seen), one.seen, False) for one in stage.back)


def _name(seen: str) -> str:
    return f"{PurePosixPath(seen).name}-{hashlib.sha256(seen.encode()).hexdigest()[:8]}"
