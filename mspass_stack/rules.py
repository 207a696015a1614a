"""What must fit together in a config: a named rule for each, and one line per breach, with its YAML path."""

from collections import Counter
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import PurePosixPath

from mspass_stack.rendered import CONFIG_SET
from mspass_stack.sections import KEY, Database, Sections, placements, ports

RESERVED = frozenset({"admin", "config", CONFIG_SET, "local"})
"""Names that MongoDB or we use for something else than a shard."""


def broken(cluster: Sections) -> Iterator[str]:
    """All breaches of a cluster whose single values are right."""
    for rule in (_unknown_hosts, _database_shape, _sets, _caches, _workers, _ports_twice, _reachable, _folders):
        yield from rule(cluster)
    if not (cluster.database or cluster.pool or cluster.frontend):
        yield f"{KEY}: nothing to deploy: expected at least one of database, pool, frontend"


def doubtful(cluster: Sections) -> Iterator[str]:
    """What works and is worth a word."""
    for host, asked in (cluster.pool.workers if cluster.pool else {}).items():
        if asked.memory is None:
            path = f"{KEY}.pool.workers.{host}"
            yield f"{path}: no memory limit: a task that needs too much takes the whole machine with it"
    if database := cluster.database:
        for path, members in _members(database).items():
            if len(members) == 2:
                yield f"{KEY}.database.{path}: two members: when one is down the other takes no writes; three go on"


def _unknown_hosts(cluster: Sections) -> Iterator[str]:
    known = ", ".join(cluster.hosts)
    for path, host in placements(cluster):
        if host not in cluster.hosts:
            yield f"{KEY}.{path}: unknown host '{host}' (hosts: {known})"


def _database_shape(cluster: Sections) -> Iterator[str]:
    if (database := cluster.database) is None:
        return
    sharded = bool(database.router or database.shards or database.config)
    if database.db and sharded:
        yield f"{KEY}.database: expected either db, or router and shards, not both"
    elif not database.db and not (database.router and database.shards):
        yield f"{KEY}.database: expected db: HOST, or both router and shards"
    if database.collections and not sharded:
        yield f"{KEY}.database.collections: only a sharded database has shard keys"


def _sets(cluster: Sections) -> Iterator[str]:
    """A set has its members on hosts of their own: two on one disk are no safer than one."""
    if (database := cluster.database) is None:
        return
    for key in set(database.ports) - {"config", *database.shards}:
        yield f"{KEY}.database.ports.{key}: no such shard (shards: {', '.join(database.shards)}; or config)"
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
    """The hosts of each replica set, by where the config says them."""
    return {"config": database.config, **{f"shards.{key}": members for key, members in database.shards.items()}}


def _caches(cluster: Sections) -> Iterator[str]:
    """MongoDB's own rule gives each mongod half of its host's memory."""
    database = cluster.database
    if database is None or database.cache or not database.router:
        return
    servers = Counter(host for _, host in database.member_ports())
    for host, count in servers.items():
        if count > 1:
            yield f"{KEY}.database.cache: required: host '{host}' has {count} mongod, and each takes half of its memory"


def _workers(cluster: Sections) -> Iterator[str]:
    """Dask counts the workers of a host behind its name: `gpu-2` is one of `gpu`, or of a host of its own."""
    hosts = cluster.pool.workers if cluster.pool else {}
    for host in hosts:
        for other in hosts:
            if host.startswith(f"{other}-"):
                yield (
                    f"{KEY}.pool.workers.{host}: it begins like '{other}', and Dask could not tell their workers "
                    "apart: expected another name for one of these hosts"
                )


def _ports_twice(cluster: Sections) -> Iterator[str]:
    seen = Counter((host, port) for _, host, port in ports(cluster))
    for (host, port), times in seen.items():
        if times > 1:
            where = " and ".join(dict.fromkeys(path for path, h, p in ports(cluster) if (h, p) == (host, port)))
            yield f"{KEY}: port {port} twice on host '{host}': {where}"
        if port > 65535:
            yield f"{KEY}.database.port: {port} on host '{host}' is no port: expected a lower one to count from"


def _reachable(cluster: Sections) -> Iterator[str]:
    """In a lab every host has an address for the others, and only one of them can be this machine."""
    played = dict.fromkeys(host for _, host in placements(cluster) if host in cluster.hosts)
    here = [host for host in played if not cluster.hosts[host].ssh]
    if len(here) > 1:
        yield f"{KEY}.hosts: without ssh each of {', '.join(here)} is this machine: expected at most one such host"
    if len(played) > 1 or cluster.is_lab:
        for host in played:
            if ":" in (address := cluster.hosts[host].address):
                yield f"{KEY}.hosts.{host}.address: {address!r}: expected a name or an IPv4 address"
            elif _is_loopback(address):
                yield f"{KEY}.hosts.{host}.address: {address!r}: expected an address by which other hosts reach it"
    addresses = Counter(address for host in played if not _is_loopback(address := cluster.hosts[host].address))
    for address, times in addresses.items():
        if times > 1:
            yield f"{KEY}.hosts: address {address!r} {times} times: expected one host per address"


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def _folders(cluster: Sections) -> Iterator[str]:
    """A path on other machines has no folder to start from; a stack's own folder holds nothing of the user's."""
    if not cluster.is_lab:
        return
    if cluster.datadir and PurePosixPath(cluster.workdir).is_relative_to(cluster.datadir):
        yield f"{KEY}.workdir: {cluster.workdir!r} is in the stack's own folder {cluster.datadir!r}: expected another"
    for key, path in (("workdir", cluster.workdir), ("datadir", cluster.datadir)):
        if not (path or "").startswith("/"):
            expected = "expected an absolute path, the same on all hosts, that the ssh user may write to"
            yield f"{KEY}.{key}: {path!r}: {expected}"
