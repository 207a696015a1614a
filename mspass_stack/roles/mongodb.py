"""MongoDB's daemons: mongod as a server of its own, as a config server or as a shard's member; mongos."""

from pathlib import PurePosixPath

from mspass_stack.rendered import CONFIG_SET, Home, Probe
from mspass_stack.roles.command import Command
from mspass_stack.topology import Process, Topology

GIB = 1024**3

GRACE = 120
"""Seconds for a mongod to write down what it holds."""


def data_folder(process: Process, home: Home) -> PurePosixPath:
    """Where a mongod has its data."""
    if process.kind == "shard":
        assert process.replica_set
        return home.shard_data(process.replica_set)
    return home.config_data if process.kind == "configsvr" else home.database


def mongod(process: Process, topology: Topology, home: Home) -> Command:
    data = str(data_folder(process, home))
    argv = ["mongod", "--dbpath", data, *_listening(process, home)]
    if process.replica_set:
        argv += ["--configsvr" if process.kind == "configsvr" else "--shardsvr", "--replSet", process.replica_set]
    if (database := topology.cluster.database) and database.cache:
        argv += ["--wiredTigerCacheSizeGB", f"{database.cache / GIB:.2f}"]
    kind = "mongo-member" if process.replica_set else "mongo"
    probe = Probe(kind=kind, host=process.host, address=process.address, port=process.ports["mongodb"])
    return Command(tuple(argv), {}, (), (str(home.key_file),), (data,), probe, stop_grace=GRACE)


def mongos(process: Process, topology: Topology, home: Home) -> Command:
    argv = ["mongos", "--configdb", topology.seeds(CONFIG_SET), *_listening(process, home)]
    probe = Probe(kind="mongos", host=process.host, address=process.address, port=process.ports["mongodb"])
    return Command(tuple(argv), {}, (), (str(home.key_file),), (), probe, stop_grace=30)


def _listening(process: Process, home: Home) -> list[str]:
    # No Unix socket: a stale one of another user in /tmp keeps mongod from starting. The key file switches
    # authentication on and lets the provider act as the internal user.
    port = str(process.ports["mongodb"])
    return ["--port", port, "--bind_ip", process.listen, "--nounixsocket", "--keyFile", str(home.key_file)]
