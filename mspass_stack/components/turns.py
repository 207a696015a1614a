"""The turn of a process: what goes before its restart, and whose restart goes before its own."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pulumi

from mspass_stack.components import resources
from mspass_stack.components.drained import drained
from mspass_stack.roles.registry import role_of
from mspass_stack.spec.topology import CONFIG_SET, Process

if TYPE_CHECKING:
    from mspass_stack.components.foundation import Foundation


def turn_of(
    foundation: "Foundation",
    process: Process,
    digest: pulumi.Input[str],
    owner: pulumi.Resource,
    edges: Sequence[pulumi.Resource],
    earlier: Mapping[str, pulumi.Resource],
) -> list[pulumi.Resource]:
    """Declare the turn of a process; return what it waits for by that, which is nothing where its role takes none.

    Args:
        foundation: of its stack.
        process: that may be restarted.
        digest: of what a restart is for.
        owner: the component that it belongs to.
        edges: what else it waits for.
        earlier: what makes the processes true that were declared before it, by name.
    """
    plan, topology = foundation.plan, foundation.topology
    turn = role_of(process).turn(process, plan.context(process.host))
    if turn is None:
        return []
    before = [earlier[name] for name in turn.after]
    spec = foundation.render(process)
    drain, drain_connection = drained(foundation, process)
    probes = [foundation.render(other).probe for other in topology.processes if other.name in turn.meanwhile]
    members = topology.members(process.replica_set) if process.replica_set else ()
    config = topology.members(CONFIG_SET) if process.replica_set else ()
    hosts = {*(probe.host for probe in probes), *(member.host for member in (*members, *config))}
    inputs = {
        "connection": topology.hosts[process.host].connection,
        "process": process.name,
        "manager": spec.manager,
        "managed_name": spec.managed_name,
        "stack_dir": spec.stack_dir,
        "digest": digest,
        "meanwhile": probes,
        "connections": {host: topology.hosts[host].connection for host in sorted(hosts)},
        "halts": turn.halts,
        "interrupt": foundation.interrupt,
        "drain": drain,
        "drain_connection": drain_connection,
        "host": process.host,
        "replica_set": process.replica_set,
        "members": {member.host: foundation.mongo_place(member) for member in members},
        "config": {member.host: foundation.mongo_place(member) for member in config},
        "authority": foundation.authority_of(process),
        "key_file": foundation.secrets[turn.secret] if turn.secret else "",
    }
    options = pulumi.ResourceOptions(parent=owner, depends_on=[*edges, *before])
    return [*before, resources.Turn(f"turn-{process.key}", foundation.of_stack(inputs), options)]
