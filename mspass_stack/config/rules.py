"""What must fit together in a config: a named rule for each, and a line per violation, with its YAML path."""

from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath

from mspass_stack.config.image_rules import image_violations
from mspass_stack.config.sections import KEY, Cluster, Database
from mspass_stack.spec.topology import CONFIG_SET

LEAST_CHECKPOINT = 60
"""Seconds between two versions of a database that runs: one takes some."""

RESERVED = frozenset({"admin", "config", CONFIG_SET, "local"})
"""Names that MongoDB or we use for something else than a shard."""


def violations(cluster: Cluster) -> Iterator[str]:
    """Yield all violations within the sections of a cluster whose single values are right."""
    for rule in (_database_shape, _storage, _checkpoint, _sets, _caches, _workers, _spark, _batch, image_violations):
        yield from rule(cluster)
    if not (cluster.database or cluster.pool or cluster.frontend):
        yield f"{KEY}: nothing to deploy: expected at least one of database, pool, frontend"


def warnings(cluster: Cluster) -> Iterator[str]:
    """Yield what works and is worth a word."""
    # In an allocation each node's own memory is the limit, and a worker that needs more is the first to go.
    for host, workers in (cluster.pool.workers if cluster.pool and not cluster.slurm else {}).items():
        if workers.memory is None:
            path = f"{KEY}.pool.workers.{host}"
            yield f"{path}: no memory limit: a task that needs too much takes the whole machine with it"
    if database := cluster.database:
        for path, members in _members(database).items():
            if len(members) == 2:
                yield f"{KEY}.database.{path}: two members: when one is down the other takes no writes; three go on"


def directories(cluster: Cluster, expected: str) -> Iterator[str]:
    """Refuse relative paths, which start nowhere on other machines, and a workdir among the stack's own files.

    Args:
        expected: what a directory has to be, in words.
    """
    if cluster.datadir and PurePosixPath(cluster.workdir).is_relative_to(cluster.datadir):
        yield (
            f"{KEY}.workdir: {cluster.workdir!r} is in the stack's own directory {cluster.datadir!r}: expected another"
        )
    for key, path in (("workdir", cluster.workdir), ("datadir", cluster.datadir)):
        if not (path or "").startswith("/"):
            yield f"{KEY}.{key}: {path!r}: expected {expected}"


def _database_shape(cluster: Cluster) -> Iterator[str]:
    if (database := cluster.database) is None:
        return
    sharded = bool(database.router or database.shards or database.config)
    if database.db and sharded:
        yield f"{KEY}.database: expected either db, or router and shards, not both"
    elif not database.db and not (database.router and database.shards):
        yield f"{KEY}.database: expected db: HOST, or both router and shards"
    if database.collections and not sharded:
        yield f"{KEY}.database.collections: only a sharded database has shard keys"


def _storage(cluster: Cluster) -> Iterator[str]:
    if cluster.database and cluster.database.storage == "local" and not cluster.slurm:
        yield (
            f"{KEY}.database.storage: 'local': only a Slurm job has nodes that data are brought to: expected shared, "
            "which is the datadir of each host"
        )


def _checkpoint(cluster: Cluster) -> Iterator[str]:
    if not (database := cluster.database) or not (interval := database.checkpoint):
        return
    if database.storage != "local":
        yield f"{KEY}.database.checkpoint: '{interval}': only with database.storage: local are there versions to make"
    elif interval.seconds < LEAST_CHECKPOINT:
        yield f"{KEY}.database.checkpoint: '{interval}': expected 1m or more: all writes wait while one is made"


def _sets(cluster: Cluster) -> Iterator[str]:
    """Refuse members of a set on one host: two on one disk are no safer than one."""
    if (database := cluster.database) is None:
        return
    for key in set(database.ports) - {"config", *database.shards}:
        yield f"{KEY}.database.ports.{key}: no such shard (shards: {', '.join(database.shards)}; or config)"
    for key, given in database.ports.items():
        hosts = database.config_hosts if key == "config" else database.shards.get(key, ())
        for host in set(given) - set(hosts) if isinstance(given, dict) and hosts else ():
            yield f"{KEY}.database.ports.{key}.{host}: it has no member there (hosts: {', '.join(hosts)})"
    for key, members in database.shards.items():
        if not members:
            yield f"{KEY}.database.shards.{key}: expected at least one host"
        if key in RESERVED:
            yield f"{KEY}.database.shards.{key}: '{key}' is a name of MongoDB's own: expected another"
    for path, members in {"router": database.router, **_members(database)}.items():
        for host, times in Counter(members).items():
            if times > 1:
                yield f"{KEY}.database.{path}: host '{host}' twice: expected hosts that differ"


def _members(database: Database) -> dict[str, tuple[str, ...]]:
    """Return the hosts of each replica set, by where the config says them."""
    return {"config": database.config, **{f"shards.{key}": members for key, members in database.shards.items()}}


def _caches(cluster: Cluster) -> Iterator[str]:
    """MongoDB's own rule gives each mongod half of its host's memory; those on a node of a job share it out."""
    database = cluster.database
    if database is None or database.cache or not database.router or cluster.slurm:
        return
    servers = Counter(host for _, host in database.member_ports())
    for host, count in servers.items():
        if count > 1:
            yield f"{KEY}.database.cache: required: host '{host}' has {count} mongod, and each takes half of its memory"


def _spark(cluster: Cluster) -> Iterator[str]:
    if not (pool := cluster.pool) or not pool.spark:
        return
    if pool.spark.connector and not cluster.database:
        yield f"{KEY}.pool.spark.connector: true: expected a database beside it"
    if jars := pool.spark.jars:
        if not pool.spark.connector:
            yield f"{KEY}.pool.spark.jars: expected connector: true beside it"
        if not jars.startswith("/"):
            yield f"{KEY}.pool.spark.jars: {jars!r}: expected an absolute path"
    wanted = pool.spark.executor_memory
    for host, workers in pool.workers.items():
        path = f"{KEY}.pool.workers.{host}"
        if workers.threads != 1:
            yield f"{path}.threads: {workers.threads}: expected none: Spark has cores, which are `processes`"
        given = (workers.memory or 0) * (workers.processes or 0)
        if 0 < given < wanted:
            yield (
                f"{KEY}.pool.spark.executorMemory: {wanted // 1024**2} MiB: more than the worker on '{host}' has "
                f"({given // 1024**2} MiB), where no executor would ever start"
            )


def _workers(cluster: Cluster) -> Iterator[str]:
    """Dask counts the workers of a host behind its name: `gpu-2` is one of `gpu`, or of a host of its own."""
    hosts = cluster.pool.workers if cluster.pool else {}
    for host in hosts:
        for other in (host[:index] for index, letter in enumerate(host) if letter == "-"):
            if other in hosts:
                yield (
                    f"{KEY}.pool.workers.{host}: it begins like '{other}', and Dask could not tell their workers "
                    "apart: expected another name for one of these hosts"
                )


def _batch(cluster: Cluster) -> Iterator[str]:
    if not (batch := cluster.batch):
        return
    if not cluster.slurm:
        yield f"{KEY}.batch: expected slurm beside it: elsewhere mspass-stack run --detach does it"
    elif not (cluster.frontend or cluster.pool):
        yield f"{KEY}.batch: expected a frontend or a pool, beside which it runs"
    if batch.args and batch.run.endswith(".ipynb"):
        yield f"{KEY}.batch.args: expected none: a notebook has no arguments"
