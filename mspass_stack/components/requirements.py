"""What the hosts of a plan must have: asked of them before anything is touched. Pure."""

from collections.abc import Mapping
from typing import Any

from mspass_stack.sections import KEY, placements, ports
from mspass_stack.topology import Topology

MONGODB = ("mongod", "configsvr", "shard")
"""The kinds of process that are a mongod."""


def asked(topology: Topology, host: str, home: str, workdir: str, engine: str, python: str) -> Mapping[str, Any]:
    """What the preflight looks for on a host."""
    cluster = topology.cluster
    found: dict[str, Any] = {
        "home": home,
        "workdir": workdir,
        "ports": {str(port): f"{KEY}.{path}" for path, where, port in ports(cluster) if where == host},
        "memory": _memory(topology, host),
        "engine": engine,
        **({"programs": [], "modules": {}} if engine else needs(topology, host, python)),
    }
    if not cluster.is_lab:
        return found
    mongodb = any(process.host == host for process in topology.of(*MONGODB))
    peers = sorted({cluster.hosts[other].address for other in topology.hosts if other != host})
    return {**found, "image": cluster.image, "address": cluster.hosts[host].address, "peers": peers, "mongodb": mongodb}


def needs(topology: Topology, host: str, python: str) -> dict[str, Any]:
    """The programs, and the modules by interpreter, that the host's roles are started with."""
    kinds = {process.kind for process in topology.processes if process.host == host}
    programs = [program for program, users in (("mongod", {*MONGODB}), ("mongos", {"mongos"})) if kinds & users]
    played = {path.split(".")[0] for path, where in placements(topology.cluster) if where == host}
    modules = [*(["distributed"] if "pool" in played else []), *(["jupyterlab"] if "frontend" in played else [])]
    # The data of a sharded database are mended, when hosts got other addresses, by the image's own Python.
    modules += ["pymongo"] if kinds & {"configsvr", "shard"} else []
    return {"programs": programs, "modules": {python: modules} if modules else {}}


def shards(topology: Topology) -> dict[str, dict[str, int]]:
    """The port of each member, by set and host: of the shards, and of the config servers."""
    found: dict[str, dict[str, int]] = {}
    for process in topology.of("configsvr", "shard"):
        found.setdefault(process.replica_set or "", {})[process.host] = process.ports["mongodb"]
    return found


def documents(topology: Topology) -> dict[str, str]:
    """Where the documents are: on the host of the single database, or in the shards."""
    if single := topology.one("mongod"):
        return {"host": single.host, "address": single.address}
    return {"shards": "all"} if topology.of("shard") else {}


def _memory(topology: Topology, host: str) -> dict[str, int]:
    wished: dict[str, int] = {}
    cluster = topology.cluster
    if cluster.pool and (workers := cluster.pool.workers.get(host)) and workers.memory:
        count = topology.worker_processes[host]
        wished[f"{KEY}.pool.workers.{host}.memory{_times(count)}"] = workers.memory * count
    servers = sum(process.host == host for process in topology.of(*MONGODB))
    if cluster.database and cluster.database.cache and servers:
        wished[f"{KEY}.database.cache{_times(servers)}"] = cluster.database.cache * servers
    return wished


def _times(count: int) -> str:
    return f" x {count} =" if count > 1 else ""
