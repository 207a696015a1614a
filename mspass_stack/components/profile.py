"""What the user's own files on the control node are made of."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import PurePosixPath
from typing import Any

import pulumi

from mspass_stack.plan import Plan
from mspass_stack.roles.clients import tls_files
from mspass_stack.roles.registry import client_env, elsewhere, guest
from mspass_stack.spec.layout import ClientLayout


def profile_inputs(
    plan: Plan,
    own: ClientLayout,
    values: pulumi.Output[dict[str, str]],
    signs: pulumi.Input[str],
    releases: Callable[[str], pulumi.Output[dict[str, str]]],
) -> dict[str, Any]:
    """Return the inputs of the resource; a client of Dask shows a certificate too.

    Args:
        values: secrets by name.
        signs: certificate of who signs those of MongoDB's servers; empty where they speak no TLS.
        releases: of what must be the same on all hosts of a pool, as one of them has it.
    """
    topology, hosts = plan.topology, plan.topology.hosts.values()
    direct, shared = [host.address for host in hosts], next(iter(hosts)).layout.authority
    # Where the control node is one of the hosts, the path is there already.
    here = next((host.name for host in hosts if not host.connection.remote), "")
    is_new, settings = signs and not here, plan.settings(here) if here else {}

    def profile(authority: PurePosixPath) -> pulumi.Output[str]:
        given = partial(client_env, tls=own.tls, direct=direct, settings=settings)
        return values.apply(lambda known: given(topology, known, authority))

    files = values.apply(lambda known: tls_files(topology, own.tls, known))
    path = str(own.profile)
    return {
        "path": path,
        "files": pulumi.Output.all(files, profile(shared)).apply(lambda known: {**known[0], path: known[1]}),
        "authority_path": str(shared) if signs else "",
        "authority": signs if is_new else "",
        "alone_path": str(own.tls.authority),
        "alone": profile(own.tls.authority) if is_new else "",
        **({} if settings else _guest(plan, own.profile.parent, values, releases)),
    }


def _guest(
    plan: Plan,
    directory: PurePosixPath,
    values: pulumi.Output[dict[str, str]],
    releases: Callable[[str], pulumi.Output[dict[str, str]]],
) -> dict[str, Any]:
    """Return what clients have where hosts connect back to them; nothing where those do not."""
    context = plan.context(next(iter(plan.topology.hosts)))
    if not (found := guest(context, directory, defaultdict(str))):
        return {}

    def files(known: Mapping[str, str]) -> dict[str, str]:
        guested = guest(context, directory, known)
        return dict(guested.files) if guested else {}

    return {
        "guest": {
            "host": found.host,
            "releases": releases(found.host),
            "modules": list(found.needs.modules),
            "environment": found.environment,
            "remark": " ".join(elsewhere(plan.topology)),
        },
        "guest_connection": plan.topology.hosts[found.host].connection,
        "guest_files": values.apply(files),
    }
