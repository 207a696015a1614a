"""MongoDB's router, by which clients use a sharded database."""

from collections.abc import Iterator, Mapping

from mspass_stack.config.sections import Cluster
from mspass_stack.roles.base import Command, Context, HealthCheck, Needs, Placement, Role, Turn
from mspass_stack.roles.clients import PASSWORD
from mspass_stack.roles.mongodb import (
    KEY_FILE,
    QUIESCE,
    before,
    database_client,
    listening,
    not_served,
    server_files,
    server_reads,
)
from mspass_stack.spec.probe import Probe
from mspass_stack.spec.topology import CONFIG_SET, MONGODB, Process

GRACE = 30
"""Seconds for a mongos to end what it does."""

ROOM = 1024**3 // 4
"""Bytes that others leave to it."""


class Router(Role):
    """A mongos."""

    kind, role, order, serves = "mongos", "dbmanager", 130, "database"
    speaks = frozenset({MONGODB})
    secrets: Mapping[str, str] = {KEY_FILE: "keyfile", PASSWORD: "password"}

    def placements(self, cluster: Cluster) -> Iterator[Placement]:
        if database := cluster.database:
            for index, host in enumerate(database.router):
                ports = {MONGODB: (database.port, "database.port")}
                yield Placement(f"mongos-{host}", host, f"database.router[{index}]", ports, "mongodb")

    def command(self, process: Process, context: Context) -> Command:
        seeds = context.topology.seeds(CONFIG_SET)
        quiesce = ("--setParameter", f"mongosShutdownTimeoutMillisForSignaledShutdown={QUIESCE}")
        return Command(
            argv=("mongos", "--configdb", seeds, *listening(process, context), *quiesce),
            directory="/",  # it keeps nothing
            probe=Probe(kind="mongos", host=process.host, address=process.address, port=process.port),
            health=HealthCheck(process.address, process.port),
            stop_grace=GRACE,
            reads=server_reads(context),
            room=ROOM,
        )

    def needs(self, process: Process, context: Context) -> Needs:
        return Needs(programs=("mongos",))

    def files(self, process: Process, context: Context, values: Mapping[str, str]) -> Mapping[str, str]:
        return server_files(context, values)

    def turn(self, process: Process, context: Context) -> Turn:
        routers = context.topology.of(self.kind)
        others = tuple(router.name for router in routers if router != process)
        return Turn(before(process, routers), others, "" if others else not_served("the database", GRACE))

    def client(self, process: Process, values: Mapping[str, str], authority: str) -> Mapping[str, str]:
        return database_client(process, values, authority)
