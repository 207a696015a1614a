"""`VirtualCluster`: all roles that the config declares, and the stack outputs."""

import getpass
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi

from mspass_stack.components.frontend import Frontend
from mspass_stack.components.mongo import MongoDatabase
from mspass_stack.components.pools import DaskPool
from mspass_stack.components.process import HostedProcess
from mspass_stack.components.site import Site
from mspass_stack.inventory import Inventory
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
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mspass:index:VirtualCluster", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        site = Site("site", topology, base, python, jupyter_password, opts=child)
        hosted: list[HostedProcess] = []
        outputs: dict[str, Any] = {}
        usable: list[pulumi.Output[Any]] = []
        if topology.one("mongod"):
            database = MongoDatabase("database", site, opts=child)
            hosted += database.hosted
            usable.append(database.users.id)
            outputs["databaseUri"] = database.uri
        if topology.one("scheduler"):
            pool = DaskPool("pool", site, after=list(hosted), opts=child)
            hosted += pool.hosted
            outputs |= {"schedulerAddress": pool.scheduler_address, "dashboardUrl": pool.dashboard_url}
        if topology.one("frontend"):
            frontend = Frontend("frontend", site, after=list(hosted), opts=child)
            hosted += frontend.hosted
            outputs["jupyterUrl"] = frontend.url
        all_ready = pulumi.Output.all(*usable, *(process.ready.id for process in hosted))
        outputs["clientProfile"] = all_ready.apply(lambda _: site.client_profile)
        outputs["inventory"] = pulumi.Output.all(all_ready, site.images, *(p.incarnation for p in hosted)).apply(
            lambda known: _inventory(site, hosted, known[1], known[2:])
        )
        self.outputs: Mapping[str, Any] = outputs
        self.register_outputs({})


def _inventory(
    site: Site, hosted: list[HostedProcess], images: dict[str, str], incarnations: list[str]
) -> dict[str, Any]:
    return Inventory(
        stack=site.topology.stack,
        home=str(site.layout.root),
        workdir=site.workdir,
        user=getpass.getuser(),
        processes=[process.entry(run, images) for process, run in zip(hosted, incarnations, strict=True)],
    ).model_dump(mode="json")
