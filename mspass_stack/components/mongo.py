"""`MongoDatabase`: the unsharded database with its users."""

import pulumi

from mspass_stack import resources, roles
from mspass_stack.components.process import HostedProcess
from mspass_stack.components.site import Site


class MongoDatabase(pulumi.ComponentResource):
    """One mongod with authentication, and the user `mspass`.

    Attributes:
        uri: the address with user and password for this machine; a secret, known once the database can be used.
    """

    uri: pulumi.Output[str]

    def __init__(self, name: str, site: Site, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mspass:index:MongoDatabase", name, None, opts)
        process = site.topology.one("mongod")
        if process is None:
            raise ValueError("the config declares no database.db")
        self.mongod = HostedProcess(site, process, owner=self)
        self.users = resources.DatabaseUsers(
            f"users@{process.host}",
            stack=site.topology.stack,
            address=process.address,
            port=process.ports["mongodb"],
            home=str(site.layout.root),
            key_file=site.key_file,
            users={roles.DATABASE_USER: {"password": site.password, "roles": roles.DATABASE_ROLES}},
            incarnation=self.mongod.incarnation,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self.mongod.ready]),
        )
        self.hosted = [self.mongod]
        self.uri = pulumi.Output.all(site.password, self.users.id).apply(
            lambda known: roles.database_uri(site.topology, known[0], "user") or ""
        )
        self.register_outputs({})
