"""MongoDB's servers: mongod as a server of its own, as a config server and as a shard's member."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from mspass_stack.agent.size import BESIDE_CACHE
from mspass_stack.agent.words import CACHE
from mspass_stack.config.sections import Cluster
from mspass_stack.roles import preparation
from mspass_stack.roles.base import Command, Context, HealthCheck, Needs, Placement, Role, Turn
from mspass_stack.roles.clients import CA, CERTIFICATE, PASSWORD, database_uri
from mspass_stack.spec.layout import StackLayout
from mspass_stack.spec.probe import Probe
from mspass_stack.spec.topology import CONFIG_SET, MONGODB, Process

GIB = 1024**3

GRACE = 120
"""Seconds for a mongod to write down what it holds."""

QUIESCE = 2000
"""Milliseconds that a server told to stop goes on with what is under way, while drivers look for another; MongoDB's own
15 s would be a part of every restart."""

KEY_FILE = "mongodb-keyfile"
"""The name of the secret by which members know each other."""


class MongoServer(Role):
    """A mongod; what it is for is what its subclasses say."""

    speaks = frozenset({MONGODB})
    secrets: Mapping[str, str] = {KEY_FILE: "keyfile"}

    def options(self, process: Process) -> list[str]:
        """Return what makes it the server that it is."""
        return []

    def command(self, process: Process, context: Context) -> Command:
        data = str(self.data(process, context.layout))
        argv = ["mongod", "--dbpath", data, *listening(process, context), *self.options(process)]
        argv += ["--setParameter", f"shutdownTimeoutMillisForSignaledShutdown={QUIESCE}"]
        if (database := context.cluster.database) and database.cache:
            argv += ["--wiredTigerCacheSizeGB", f"{database.cache / GIB:.2f}"]
        elif context.host.measured:
            argv += ["--wiredTigerCacheSizeGB", CACHE]
        kind = "mongo-member" if process.replica_set else "mongo"
        return Command(
            argv=tuple(argv),
            directory=data,
            probe=Probe(kind=kind, host=process.host, address=process.address, port=process.port),
            health=HealthCheck(process.address, process.port),
            stop_grace=GRACE,
            reads=server_reads(context),
            writes=() if context.keeps_data_local else (data,),
            holds_data=True,
            room=int((database.cache if database and database.cache else 0) * BESIDE_CACHE),
        )

    def needs(self, process: Process, context: Context) -> Needs:
        # Kept data of a set's member are repaired, when hosts have got other addresses, by the host's own Python; a job
        # prepares its database by that of its image.
        return Needs(programs=("mongod",), modules=("pymongo",) if process.replica_set or context.topology.job else ())

    def memory(self, process: Process, context: Context) -> Iterator[tuple[str, int]]:
        if (database := context.cluster.database) and database.cache:
            yield "database.cache", database.cache

    def files(self, process: Process, context: Context, values: Mapping[str, str]) -> Mapping[str, str]:
        return server_files(context, values) | preparation.files(context, values)

    def turn(self, process: Process, context: Context) -> Turn:
        if not process.replica_set:
            return Turn(halts=not_served("the database", GRACE))
        members = context.topology.members(process.replica_set)
        # Two are a majority of two or three, so a set of two takes no writes without each of them.
        halts = not_served(f"replica set '{process.replica_set}'", GRACE) if len(members) < 3 else ""
        return Turn(after=before(process, members), halts=halts, secret=KEY_FILE)


class Single(MongoServer):
    """The unsharded database."""

    kind, role, order, serves = "mongod", "db", 100, "database"
    secrets: Mapping[str, str] = {**MongoServer.secrets, PASSWORD: "password"}

    def placements(self, cluster: Cluster) -> Iterator[Placement]:
        if (database := cluster.database) and database.db:
            ports = {MONGODB: (database.port, "database.port")}
            yield Placement("mongod", database.db, "database.db", ports, "mongodb")

    def data(self, process: Process, layout: StackLayout) -> PurePosixPath:
        return layout.database

    def client(self, process: Process, values: Mapping[str, str], authority: str) -> Mapping[str, str]:
        return database_client(process, values, authority)


class ConfigServer(MongoServer):
    """A member of the set that knows where the documents of a sharded database are."""

    kind, role, order = "configsvr", "dbmanager", 110

    def placements(self, cluster: Cluster) -> Iterator[Placement]:
        database = cluster.database
        if database is None or not database.router:
            return
        ports = database.member_ports()
        for index, host in enumerate(database.config_hosts):
            path = f"database.config[{index}]" if database.config else "database.router[0]"
            own = {MONGODB: (ports["config", host], "database.config")}
            yield Placement(f"configsvr-{host}", host, path, own, "mongodb", CONFIG_SET)

    def options(self, process: Process) -> list[str]:
        return ["--configsvr", "--replSet", process.replica_set]

    def data(self, process: Process, layout: StackLayout) -> PurePosixPath:
        return layout.config_data


class Shard(MongoServer):
    """A member of a shard's set."""

    kind, role, order = "shard", "shard", 120

    def placements(self, cluster: Cluster) -> Iterator[Placement]:
        database = cluster.database
        if database is None or not database.router:
            return
        ports = database.member_ports()
        for key, hosts in database.shards.items():
            for index, host in enumerate(hosts):
                own = {MONGODB: (ports[key, host], f"database.shards.{key}")}
                path = f"database.shards.{key}[{index}]"
                yield Placement(f"shard-{key}-{host}", host, path, own, "mongodb", key)

    def options(self, process: Process) -> list[str]:
        return ["--shardsvr", "--replSet", process.replica_set]

    def data(self, process: Process, layout: StackLayout) -> PurePosixPath:
        return layout.shard_data(process.replica_set)


def before(process: Process, group: Sequence[Process]) -> tuple[str, ...]:
    """Return whose turn comes right before a process's in a group that takes turns one by one."""
    index = group.index(process)
    return tuple(other.name for other in group[max(index - 1, 0) : index])


def not_served(what: str, grace: int) -> str:
    """Say what nobody serves while a process restarts, and for how long."""
    return f"{what} is not served while it restarts: for seconds as a rule, at most {grace} and the start"


def listening(process: Process, context: Context) -> list[str]:
    """Return where a server of MongoDB listens, and whom it lets in."""
    layout = context.layout
    # No Unix socket: a stale one of another user in /tmp keeps mongod from starting. The key file switches
    # authentication on and lets the provider act as the internal user.
    place = ["--port", str(process.port), "--bind_ip", process.address, "--nounixsocket"]
    # Without a user of its own, as a shard's member always is, it would let everybody on loopback make the first one
    # (MongoDB manual, "Localhost Exception").
    place += ["--keyFile", str(layout.key_file), "--setParameter", "enableLocalhostAuthBypass=false"]
    if MONGODB not in context.topology.encrypted:
        return place
    # Its mode is in a file, which is no reason for a restart: it changes while the server runs.
    tls = ["--config", str(layout.tls_mode), "--tlsCertificateKeyFile", str(layout.server_tls.certificate)]
    # Clients log in by password, members by key file; a certificate that is shown all the same has to be ours.
    return [*place, *tls, "--tlsCAFile", str(layout.authority), "--tlsAllowConnectionsWithoutCertificates"]


def server_files(context: Context, values: Mapping[str, str]) -> dict[str, str]:
    """Return the secret files of a server of MongoDB, content by path."""
    layout = context.layout
    tls = {str(layout.authority): CA, str(layout.server_tls.certificate): CERTIFICATE}
    names = {str(layout.key_file): KEY_FILE, **(tls if MONGODB in context.topology.encrypted else {})}
    return {path: values[name] for path, name in names.items()}


def server_reads(context: Context) -> tuple[str, ...]:
    """Return what a server of MongoDB reads: files, and the directory of those that change while it runs."""
    layout = context.layout
    tls = (str(layout.authority), str(layout.server)) if MONGODB in context.topology.encrypted else ()
    return (str(layout.key_file), *tls)


def database_client(process: Process, values: Mapping[str, str], authority: str) -> dict[str, str]:
    """Return the environment of the database's clients."""
    uri = database_uri(process, values[PASSWORD], authority)
    return {"MONGODB_PORT": str(process.port), "MSPASS_DB_ADDRESS": uri}
