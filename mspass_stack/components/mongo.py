"""`MongoDatabase`: the unsharded database; `MongoShardedCluster`: config servers, shards and routers."""

from typing import Any

import pulumi

from mspass_stack import resources, roles, runtimes
from mspass_stack.components.process import HostedProcess
from mspass_stack.components.site import Site
from mspass_stack.rendered import CONFIG_SET
from mspass_stack.roles.mongodb import data_folder
from mspass_stack.topology import Process


class MongoDatabase(pulumi.ComponentResource):
    """One mongod with authentication, and the user `mspass`.

    Attributes:
        uri: the address with user and password for this machine; a secret, known once the database can be used.
        usable: what to wait for.
    """

    uri: pulumi.Output[str]

    def __init__(self, name: str, site: Site, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mspass:index:MongoDatabase", name, None, opts)
        process = site.topology.one("mongod")
        if process is None:
            raise ValueError("the config declares no database.db")
        self.mongod = HostedProcess(site, process, self).open_gate()
        self.users = resources.DatabaseUsers(
            f"users@{process.host}",
            stack=site.topology.stack,
            reach=site.reaches[process.host],
            address=process.address,
            port=process.ports["mongodb"],
            home=str(site.layout.root),
            key_file=site.key_file,
            users=_users(site),
            incarnation=self.mongod.incarnation,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self.mongod.ready]),
        )
        self.hosted = [self.mongod]
        self.usable: list[pulumi.CustomResource] = [self.users]
        self.uri = _uri(site, self.users)
        self.register_outputs({})


class MongoShardedCluster(pulumi.ComponentResource):
    """A sharded database with authentication, and the user `mspass`; all its processes start at once.

    Attributes:
        uri: the address of the first router with user and password; a secret, known once the database can be used.
        usable: what to wait for.
    """

    uri: pulumi.Output[str]

    def __init__(self, name: str, site: Site, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mspass:index:MongoShardedCluster", name, None, opts)
        topology, self._site = site.topology, site
        database = topology.cluster.database
        members, routers = topology.of("configsvr", "shard"), topology.of("mongos")
        if not routers or database is None:
            raise ValueError("the config declares no sharded database")
        config = [
            HostedProcess(site, process, self, before=[self._addresses(process)])
            for process in members
            if process.kind == "configsvr"
        ]
        # Started right after each other, all shards at once; on the way down, the config servers are the last.
        holding = config + [
            HostedProcess(site, process, self, after=config, before=[self._addresses(process)])
            for process in members
            if process.kind == "shard"
        ]
        routing = [HostedProcess(site, process, self, after=holding) for process in routers]
        self.hosted = [*holding, *routing]
        shards: dict[str, dict[str, Any]] = {}
        for process in topology.of("shard"):
            shards.setdefault(process.replica_set or "", {})[process.host] = _place(process)
        self.cluster = resources.ShardedCluster(
            "sharded-cluster",
            stack=topology.stack,
            reaches={process.host: site.reaches[process.host] for process in (*members, *routers)},
            config={process.host: _place(process) for process in topology.of("configsvr")},
            shards=shards,
            routers={process.host: _place(process) for process in routers},
            collections=database.collections,
            users=_users(site),
            key_file=site.key_file,
            home=str(site.layout.root),
            incarnations=[hosted.run for hosted in self.hosted],
            abandoned=site.abandoned,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[hosted.resource for hosted in self.hosted]),
        )
        for hosted in self.hosted:
            # Until it is initiated, a member of a set is ready for nobody.
            hosted.open_gate(after=[self.cluster])
        self.usable: list[pulumi.CustomResource] = [self.cluster]
        self.uri = _uri(site, self.cluster)
        self.register_outputs({})

    def _addresses(self, process: Process) -> resources.Readdress:
        """What a member's data have to say of its peers before it starts."""
        site, topology = self._site, self._site.topology
        names = dict.fromkeys(shard.replica_set or "" for shard in topology.of("shard"))
        seeds = {name: topology.seeds(name) for name in names}
        return resources.Readdress(
            f"addresses-{process.name}@{process.host}",
            stack=topology.stack,
            stack_id=site.stack_id,
            reach=site.reaches[process.host],
            engine=site.engine,
            image=site.containers[process.host].image.pinned,
            python=site.python,
            user=site.files[process.host].user,
            container=runtimes.container_name(topology.stack, process.name),
            data=str(data_folder(process, site.layout)),
            replica_set=process.replica_set or "",
            addresses=seeds if process.kind == "configsvr" else {CONFIG_SET: topology.seeds(CONFIG_SET)},
            opts=pulumi.ResourceOptions(parent=self, depends_on=[site.files[process.host]]),
        )


def _users(site: Site) -> dict[str, dict[str, Any]]:
    return {roles.DATABASE_USER: {"password": site.password, "roles": roles.DATABASE_ROLES}}


def _uri(site: Site, usable: pulumi.CustomResource) -> pulumi.Output[str]:
    return pulumi.Output.all(site.password, usable.id).apply(
        lambda known: roles.database_uri(site.topology, known[0], "user") or ""
    )


def _place(process: Process) -> dict[str, Any]:
    return {"address": process.address, "port": process.ports["mongodb"]}
