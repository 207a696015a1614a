"""What files hosts are given: those that their processes, and clients beside these, read."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from mspass_stack.plan import Plan
from mspass_stack.roles import stage
from mspass_stack.roles.clients import CLIENT_ENV, DATABASE
from mspass_stack.roles.registry import client_binaries, client_env, client_files, database_address, role_of
from mspass_stack.spec.binary import Binary
from mspass_stack.spec.topology import Host


def files_of(plan: Plan, hosts: Sequence[Host], values: Mapping[str, str]) -> dict[str, str]:
    """Return the secret files of hosts, content by path.

    Args:
        values: secrets by name.
    """
    files: dict[str, str] = {}
    topology, authority = plan.topology, hosts[0].layout.authority
    known = {
        **values,
        CLIENT_ENV: client_env(topology, values, authority, settings=stage.environment(plan.cluster)),
        DATABASE: database_address(topology, values, authority),
    }
    for host in hosts:
        for process in topology.on(host.name):
            context = plan.context(host.name)
            files |= role_of(process).files(process, context, known)
            own = plan.command(process).reads
            files |= {path: text for path, text in client_files(context, known).items() if path in own}
    return files


def binaries_of(plan: Plan, hosts: Sequence[Host], values: Mapping[str, str] | None = None) -> dict[str, Binary]:
    """Return the files of hosts that are no texts and no secrets, by path.

    Args:
        values: secrets by name; without them the paths are right, and no more.
    """
    found: dict[str, Binary] = {}
    for host in hosts:
        if known := client_binaries(plan.context(host.name), defaultdict(str) if values is None else values):
            own = {path for process in plan.topology.on(host.name) for path in plan.command(process).reads}
            found |= {path: binary for path, binary in known.items() if path.rpartition("/")[0] in own}
    return found
