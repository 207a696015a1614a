"""`VirtualCluster`: all roles that the config declares, and the stack outputs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pulumi

from mspass_stack.components.frontend import Frontend
from mspass_stack.components.mongo import MongoDatabase, MongoShardedCluster
from mspass_stack.components.pools import DaskPool
from mspass_stack.components.process import HostedProcess
from mspass_stack.components.site import Site
from mspass_stack.inventory import Inventory, Place
from mspass_stack.topology import Topology


class VirtualCluster(pulumi.ComponentResource):
    """A whole MsPASS cluster. Takes the arguments of `Site`.

    Attributes:
        outputs: the stack outputs by name; each is known once all that it speaks of is ready.
    """

    def __init__(
        self,
        name: str,
        topology: Topology,
        base: Path,
        python: str,
        jupyter_password: pulumi.Input[str] | None = None,
        abandoned: Sequence[str] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mspass:index:VirtualCluster", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        site = Site("site", topology, base, python, jupyter_password, abandoned, opts=child)
        hosted: list[HostedProcess] = []
        outputs: dict[str, Any] = {}
        usable: list[pulumi.CustomResource] = []
        if topology.one("mongod", "mongos"):
            kind = MongoDatabase if topology.one("mongod") else MongoShardedCluster
            database = kind("database", site, opts=child)
            hosted += database.hosted
            usable += database.usable
            outputs["databaseUri"] = database.uri
        if topology.one("scheduler"):
            pool = DaskPool("pool", site, after=list(hosted), opts=child)
            hosted += pool.hosted
            outputs |= {"schedulerAddress": pool.scheduler_address, "dashboardUrl": pool.dashboard_url}
        if topology.one("frontend"):
            # A frontend that is up before its shards are registered gets "No shards found".
            sharded = usable if topology.one("mongos") else []
            frontend = Frontend("frontend", site, after=list(hosted), before=sharded, opts=child)
            hosted += frontend.hosted
            outputs["jupyterUrl"] = frontend.url
        ids = [known.id for known in (*usable, *(process.ready for process in hosted))]
        all_ready = pulumi.Output.all(*ids)
        outputs["clientProfile"] = all_ready.apply(lambda _: site.client_profile)
        users = pulumi.Output.from_input({host: files.user for host, files in site.files.items()})
        runs = pulumi.Output.all(*(process.incarnation for process in hosted))
        outputs["inventory"] = pulumi.Output.all(all_ready, site.images, users, runs).apply(
            lambda known: _inventory(site, hosted, *known[1:])
        )
        self.outputs: Mapping[str, Any] = outputs
        self.register_outputs({})


def _inventory(
    site: Site, hosted: list[HostedProcess], images: dict[str, str], users: dict[str, str], runs: list[str]
) -> dict[str, Any]:
    database = site.topology.cluster.database
    return Inventory(
        stack=site.topology.stack,
        home=str(site.layout.root),
        workdir=site.workdir,
        hosts={host: Place(reach=reach, user=users[host]) for host, reach in site.reaches.items()},
        collections=database.collections if database else {},
        processes=[process.entry(run, images) for process, run in zip(hosted, runs, strict=True)],
    ).model_dump(mode="json")
