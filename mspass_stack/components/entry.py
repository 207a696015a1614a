"""The line of a process in the inventory."""

from collections.abc import Mapping

from mspass_stack.plan import Plan
from mspass_stack.roles.registry import role_of
from mspass_stack.spec.inventory import Entry
from mspass_stack.spec.process import ContainedProcess, ProcessSpec
from mspass_stack.spec.topology import Process


def entry_of(
    plan: Plan,
    process: Process,
    spec: ProcessSpec,
    incarnation: str,
    images: Mapping[str, str],
    size: Mapping[str, int] | None,
    way: str = "",
) -> Entry:
    """Return the line of a process in the inventory.

    Args:
        images: what containers are made of, by host.
        size: what its node has given it, where that is not in the plan.
        way: by which its ports were reached, where there are several.
    """
    role, host = role_of(process), plan.topology.hosts[process.host]
    share, given = role.share(process, plan.context(process.host)), size or {}
    return Entry(
        name=process.name,
        kind=process.kind,
        role=process.role,
        host=process.host,
        runtime=host.runtime,
        address=process.address,
        endpoint=process.endpoint,
        serves=role.serves,
        replica_set=process.replica_set,
        ports=list(process.ports.values()),
        workers=share.workers or int(given.get("workers", 0)),
        threads=share.threads or int(given.get("cores", 0)),
        memory=share.memory or int(given.get("limit", 0)),
        incarnation=incarnation,
        way=way,
        log=str(host.layout.log_of(process.name)) if not isinstance(spec, ContainedProcess) else "",
        image=images.get(process.host, host.image),
        spec=spec,
        clients=plan.beside(process),
    )
