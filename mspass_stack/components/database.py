"""`MongoDatabase`: the unsharded database; `MongoShardedCluster`: config servers, shards and routers."""

from collections.abc import Sequence
from typing import Any, ClassVar

import pulumi

from mspass_stack.components import resources
from mspass_stack.components.foundation import Foundation
from mspass_stack.components.host import HostedProcess
from mspass_stack.components.requirements import data_directory
from mspass_stack.roles.clients import DATABASE_ROLES, DATABASE_USER, PASSWORD, database_uri
from mspass_stack.roles.mongodb import KEY_FILE, ConfigServer, Shard, Single
from mspass_stack.roles.mongos import Router
from mspass_stack.spec.resources import MongoPlace, ServerPlace
from mspass_stack.spec.topology import CONFIG_SET, MONGODB, Process


class MongoDatabase(pulumi.ComponentResource):
    """One mongod with authentication, and the user `mspass`.

    Attributes:
        uri: the address with user and password; a secret, known once the database can be used.
        usable: what to wait for.
    """

    uri: pulumi.Output[str]
    kinds: ClassVar[tuple[str, ...]] = (Single.kind,)

    def __init__(self, name: str, foundation: Foundation, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mspass:index:MongoDatabase", name, None, opts)
        process = foundation.topology.one(Single.kind)
        if process is None:
            raise ValueError("the config declares no database.db")
        host = foundation.topology.hosts[process.host]
        self.mongod = HostedProcess(foundation, process, self).check_readiness()
        self.users = resources.DatabaseUsers(
            f"users@{process.host}",
            {
                "stack": foundation.topology.stack,
                "connection": host.connection,
                "address": process.address,
                "port": process.port,
                "stack_dir": host.stack_dir,
                "authority": foundation.authority,
                "key_file": foundation.secrets[KEY_FILE],
                "users": _users(foundation),
                "incarnation": self.mongod.incarnation,
            },
            pulumi.ResourceOptions(parent=self, depends_on=[self.mongod.ready]),
        )
        self.hosted = [self.mongod]
        self.usable: list[pulumi.CustomResource] = [self.users]
        self.uri = _uri(foundation, process, self.users)
        self.register_outputs({})


class MongoShardedCluster(pulumi.ComponentResource):
    """A sharded database with authentication, and the user `mspass`; all its processes start at once.

    Attributes:
        uri: the address of the first router with user and password; a secret, known once the database can be used.
        usable: what to wait for.
    """

    uri: pulumi.Output[str]
    kinds: ClassVar[tuple[str, ...]] = (ConfigServer.kind, Shard.kind, Router.kind)

    def __init__(self, name: str, foundation: Foundation, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mspass:index:MongoShardedCluster", name, None, opts)
        topology, self._foundation = foundation.topology, foundation
        routers = topology.of(Router.kind)
        if not routers:
            raise ValueError("the config declares no sharded database")
        # Started right after each other, all shards at once; on the way down, the config servers are the last.
        config = self._members(topology.of(ConfigServer.kind), [])
        shards = self._members(topology.of(Shard.kind), config)
        holding = [*config, *shards]
        routing = [HostedProcess(foundation, process, self, after=holding) for process in routers]
        self.hosted = [*holding, *routing]
        self.cluster = resources.ShardedCluster(
            "sharded-cluster",
            self._inputs(),
            pulumi.ResourceOptions(parent=self, depends_on=[hosted.resource for hosted in self.hosted]),
        )
        for hosted in self.hosted:
            # Until it is initiated, a member of a set is ready for nobody.
            hosted.check_readiness(after=[self.cluster])
        self.usable: list[pulumi.CustomResource] = [self.cluster]
        self.uri = _uri(foundation, routers[0], self.cluster)
        self.register_outputs({})

    def _members(self, processes: Sequence[Process], after: Sequence[HostedProcess]) -> list[HostedProcess]:
        return [
            HostedProcess(self._foundation, process, self, after=after, before=self._repair(process))
            for process in processes
        ]

    def _inputs(self) -> dict[str, Any]:
        foundation, topology = self._foundation, self._foundation.topology
        database = foundation.plan.cluster.database
        shards: dict[str, dict[str, MongoPlace]] = {}
        for process in topology.of(Shard.kind):
            shards.setdefault(process.replica_set, {})[process.host] = foundation.mongo_place(process)
        hosts = {hosted.process.host for hosted in self.hosted}
        return {
            "stack": topology.stack,
            "connections": {host: topology.hosts[host].connection for host in sorted(hosts)},
            "config": {process.host: foundation.mongo_place(process) for process in topology.of(ConfigServer.kind)},
            "shards": shards,
            "routers": {process.host: foundation.mongo_place(process) for process in topology.of(Router.kind)},
            "collections": database.collections if database else {},
            "users": _users(foundation),
            "authority": foundation.authority,
            "key_file": foundation.secrets[KEY_FILE],
            "incarnations": [hosted.started for hosted in self.hosted],
            "abandoned": list(foundation.abandoned),
        }

    def _repair(self, process: Process) -> list[resources.AddressRepair]:
        """Declare what a member's data have to say of its peers before it starts; names of a job never change."""
        foundation, topology = self._foundation, self._foundation.topology
        if topology.job:
            return []
        host, spec = topology.hosts[process.host], foundation.plan.render(process)
        names = dict.fromkeys(shard.replica_set for shard in topology.of(Shard.kind))
        seeds = {name: topology.seeds(name) for name in names}
        image = foundation.made_of.get(process.host)
        repair = resources.AddressRepair(
            f"addresses-{process.key}",
            {
                "stack": topology.stack,
                "stack_id": foundation.stack_id,
                "host": process.host,
                "connection": host.connection,
                "manager": spec.manager,
                "process": spec.managed_name,
                "stack_dir": host.stack_dir,
                "image": image.pinned if image else "",
                "user": foundation.files[process.host].user,
                "python": host.python,
                "data": str(data_directory(foundation.plan, process)),
                "key_file": str(host.layout.key_file),
                "replica_set": process.replica_set,
                "addresses": seeds if process.kind == ConfigServer.kind else {CONFIG_SET: topology.seeds(CONFIG_SET)},
            },
            pulumi.ResourceOptions(parent=self, depends_on=[foundation.files[process.host]]),
        )
        return [repair]


def _users(foundation: Foundation) -> dict[str, dict[str, Any]]:
    return {DATABASE_USER: {"password": foundation.secrets[PASSWORD], "roles": list(DATABASE_ROLES)}}


def _uri(foundation: Foundation, process: Process, usable: pulumi.CustomResource) -> pulumi.Output[str]:
    known = pulumi.Output.all(foundation.secrets[PASSWORD], foundation.client_authority, usable.id)
    return known.apply(lambda known: database_uri(process, *known[:2]))


def encrypt(foundation: Foundation, owner: pulumi.Resource) -> list[resources.Encryption]:
    """Declare that the servers of a database speak nothing but TLS: once all their clients do."""
    topology = foundation.topology
    servers = [process for process in topology.processes if MONGODB in process.ports]
    if not servers or MONGODB not in topology.encrypted:
        return []
    places = {
        server.name: ServerPlace(
            **foundation.mongo_place(server).model_dump(),
            host=server.host,
            replica_set=server.replica_set,
            tls_mode=str(topology.hosts[server.host].layout.tls_mode),
        )
        for server in servers
    }
    hosts = sorted({server.host for server in servers})
    inputs = {
        "stack": topology.stack,
        "connections": {host: topology.hosts[host].connection for host in hosts},
        "servers": places,
        "certificates": {host: foundation.shown[host] for host in hosts},
        "authority": foundation.authority,
        "key_file": foundation.secrets[KEY_FILE],
    }
    after: list[pulumi.Resource] = [hosted.resource for hosted in foundation.hosted.values()]
    options = pulumi.ResourceOptions(parent=owner, depends_on=[*after, *foundation.files.values()])
    return [resources.Encryption("encryption", inputs, options)]
