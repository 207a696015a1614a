"""`VirtualCluster`: all roles that the config declares, and the stack outputs."""

import math
import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pulumi

from mspass_stack.agent.marks import HOME, STACK_ID
from mspass_stack.components.access import access_lines
from mspass_stack.components.database import MongoDatabase, MongoShardedCluster, encrypt
from mspass_stack.components.foundation import Foundation
from mspass_stack.components.frontend import Frontend
from mspass_stack.components.host import Hosted, unowned_before
from mspass_stack.components.pools import DaskPool, SparkPool, pool_of
from mspass_stack.plan import Plan
from mspass_stack.roles.registry import serving
from mspass_stack.spec.inventory import CONNECT, Inventory, Place
from mspass_stack.spec.process import SupervisedContainer, SupervisedProcess

COMPONENTS = (MongoDatabase, MongoShardedCluster, DaskPool, SparkPool, Frontend)

OWNED = frozenset(kind for component in COMPONENTS for kind in component.kinds)
"""The roles that have a component."""


class VirtualCluster(pulumi.ComponentResource):
    """A whole MsPASS cluster. Takes the arguments of `Foundation`.

    Attributes:
        outputs: the stack outputs by name; each is known once all that it speaks of is ready.
    """

    def __init__(
        self,
        name: str,
        plan: Plan,
        jupyter_password: pulumi.Input[str] | None = None,
        abandoned: Sequence[str] = (),
        interrupt: bool = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mspass:index:VirtualCluster", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        foundation = Foundation("foundation", plan, jupyter_password, abandoned, interrupt, opts=child)
        foundation.unowned = [process for process in plan.topology.processes if process.kind not in OWNED]
        cluster = plan.cluster
        hosted: list[Hosted] = []
        outputs: dict[str, Any] = {}
        usable: list[pulumi.CustomResource] = []
        if cluster.database:
            kind = MongoDatabase if cluster.database.db else MongoShardedCluster
            database = kind("database", foundation, opts=child)
            hosted += database.hosted
            usable += database.usable
            outputs["databaseUri"] = database.uri
            if plan.topology.job:
                outputs["durability"] = plan.topology.job.durability
        if cluster.pool:
            pool = pool_of(cluster.pool)("pool", foundation, after=list(hosted), opts=child)
            hosted += pool.hosted
            outputs |= {"schedulerAddress": pool.scheduler_address, "dashboardUrl": pool.dashboard_url}
        if cluster.frontend:
            # A frontend that is up before its shards are registered gets "No shards found".
            sharded = usable if cluster.database and not cluster.database.db else []
            frontend = Frontend("frontend", foundation, after=list(hosted), before=sharded, opts=child)
            hosted += frontend.hosted
            outputs["jupyterUrl"] = frontend.url
            if cluster.frontend.expose:
                outputs["jupyterAuthority"] = foundation.pages_authority
        unowned_before(foundation, math.inf)
        usable += encrypt(foundation, self)
        hosted = [*foundation.hosted.values(), *foundation.together.values()]
        ids = [known.id for known in (*usable, *(process.ready for process in hosted))]
        all_ready = pulumi.Output.all(*ids)
        outputs |= _of_hosts(foundation, all_ready)
        if any(host.connection.remote for host in plan.topology.hosts.values()):
            outputs["connect"] = all_ready.apply(lambda _: f"{CONNECT} --stack {plan.topology.stack}")
        kept_up = SupervisedProcess | SupervisedContainer
        if any(isinstance(process.spec, kept_up) for process in foundation.hosted.values()):
            outputs["startAtBoot"] = pulumi.Output.all(all_ready, foundation.stack_id).apply(
                lambda known: _start_at_boot(plan, known[1])
            )
        users = pulumi.Output.from_input({host: files.user for host, files in foundation.files.items()})
        outputs["inventory"] = pulumi.Output.all(
            all_ready,
            foundation.stack_id,
            foundation.images,
            users,
            foundation.certificates,
            foundation.authority,
            foundation.pages_authority,
            pulumi.Output.all(*(process.seen for process in hosted)),
        ).apply(lambda known: _inventory(foundation, hosted, *known[1:]))
        self.outputs: Mapping[str, Any] = outputs
        self.register_outputs({})


def _of_hosts(foundation: Foundation, all_ready: pulumi.Output[Any]) -> dict[str, Any]:
    """Return what is said of the way in, by whether the hosts are there or a job gives them."""
    if (allocation := foundation.allocation) is None:
        return {"clientProfile": all_ready.apply(lambda _: foundation.client_profile)}
    found: dict[str, Any] = {}
    dialled = allocation.reverse.seen if allocation.reverse else pulumi.Output.from_input(list[dict[str, str]]())
    if ports := _pages(foundation):
        found["access"] = pulumi.Output.all(all_ready, allocation.resource.nodes, dialled).apply(
            lambda known: access_lines(foundation.topology, ports, *known[1:])
        )
    if allocation.reverse:
        found["reverse"] = dialled
    if allocation.batch:
        found["batch"] = allocation.batch.seen
    return found


def _pages(foundation: Foundation) -> dict[str, list[int]]:
    """Return the ports of pages by host, that of Jupyter first."""
    served = serving(foundation.topology)
    found: dict[str, list[int]] = {}
    for service in ("frontend", "scheduler"):
        if process := served.get(service):
            found.setdefault(process.host, []).append(foundation.render(process).probe.port)
    return found


def _start_at_boot(plan: Plan, stack_id: str) -> str:
    """Return a line for the crontab of a native host's user: what `pulumi up` does after a reboot, without it."""
    host = next(host for host in plan.topology.hosts.values() if not host.has_engine)
    run = shlex.quote(str(host.layout.run))
    known = dict.fromkeys(["python3", *(host.connection.python for host in plan.topology.hosts.values())])
    pythons = shlex.join(python for python in known if python)
    marks = f"{STACK_ID}={stack_id} {HOME}={shlex.quote(host.stack_dir)}"
    newest = '"$(ls -t supervisor-*.pyz | head -n 1)"'
    # An absolute path: supervisord leaves the directory, and reads the file again for every process that comes or goes.
    start = f'{marks} exec "$python" -I {newest} d -c {run}/supervisord.conf'
    is_new = "\"$python\" -c 'import sys; sys.exit(sys.version_info < (3, 8))'"
    command = f"cd {run} && for python in {pythons}; do {is_new} && {start}; done"
    # Of a login, as what `pulumi up` starts there.
    return f"@reboot sh -lc {shlex.quote(command)}"


def _inventory(
    foundation: Foundation,
    hosted: Sequence[Hosted],
    stack_id: str,
    images: dict[str, str],
    users: dict[str, str],
    certificates: dict[str, datetime],
    authority: str,
    pages_authority: str,
    seen: Sequence[Sequence[Any]],
) -> dict[str, Any]:
    topology, database = foundation.topology, foundation.plan.cluster.database
    entries = {
        entry.name: entry for one, found in zip(hosted, seen, strict=True) for entry in one.entries(found, images)
    }
    return Inventory(
        stack=topology.stack,
        stack_id=stack_id,
        hosts={
            name: Place(connection=host.connection, user=users[name], stack_dir=host.stack_dir, workdir=host.workdir)
            for name, host in topology.hosts.items()
        },
        encrypted=sorted(topology.encrypted),
        collections=database.collections if database else {},
        certificates=certificates,
        authority=authority,
        pages_authority=pages_authority,
        processes=[entries[process.name] for process in topology.processes],
    ).model_dump(mode="json", by_alias=True)
