"""What an edit of the config may not do to what the state has. Pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from mspass_stack.spec.topology import CONFIG_SET, MONGODB

SHARED = "shared"
"""The storage that a job has which says none."""

Hosts = Mapping[str, Mapping[str, Any]]
"""What is asked of each host."""


def unknown_hosts(abandoned: Iterable[str], known: Collection[str]) -> Iterator[str]:
    """Yield names of `mspass:abandon` that are no host of the state: a misspelt one would silently do nothing."""
    for index, host in enumerate(abandoned):
        if host not in known:
            yield f"mspass:abandon[{index}]: unknown host '{host}' (the state has {', '.join(sorted(known))})"


def renamed_hosts(old: Hosts, new: Hosts) -> Iterator[str]:
    """Yield hosts that got another name while the stack is up: what the old one's removal ends is the new one's."""
    for host in sorted({*new} - {*old}):
        for former in sorted({*old} - {*new}):
            if new[host]["address"] == old[former]["address"]:
                yield (
                    f"mspass:cluster.hosts.{host}: '{former}' and '{host}' are one machine ({new[host]['address']}): a "
                    f"host keeps its name while the stack is up. Write '{former}', or pulumi destroy (the data stay), "
                    "then rename it and pulumi up"
                )


def runtime_changed(old: Hosts, new: Hosts) -> Iterator[str]:
    """Yield hosts with another runtime under processes that are up, which hold its ports and data."""
    for host in sorted({*old} & {*new}):
        if old[host]["runtime"] != new[host]["runtime"]:
            yield (
                f"mspass:cluster.runtime: a stack that is up is never switched (host '{host}'): pulumi destroy, which "
                "leaves the data where they are, then change it and pulumi up"
            )


def switched_on(old: Collection[str], new: Collection[str]) -> bool:
    """Return whether a database that speaks in clear is to speak TLS."""
    return MONGODB in set(new) - set(old)


def encryption_changed(old: Collection[str], new: Collection[str], moved: bool) -> Iterator[str]:
    """Yield what an edit of the encryption may not do to a database that is up.

    Args:
        old, new: the protocols that speak TLS.
        moved: whether its servers are others than before.
    """
    path = "mspass:cluster.encryption"
    if MONGODB in set(old) - set(new):
        yield (
            f"{path}: a database that is up does not go back to speak in clear: pulumi destroy, which leaves the data "
            "where they are, then change it and pulumi up"
        )
    if switched_on(old, new) and moved:
        yield f"{path}: is switched on by itself: pulumi up, then change the database's hosts and pulumi up"


def orphaned_data(old: Mapping[str, str], new: Mapping[str, str], gone: Collection[str]) -> Iterator[str]:
    """Yield documents that an edit would leave where no client finds them.

    Args:
        old, new: where the documents are: `host` and `address` of a single database, else `shards`; empty without any.
        gone: hosts that are given up.
    """
    same_host = old.get("host") == new.get("host") or old.get("address") == new.get("address")
    if old and new and old.get("host") not in gone and not same_host:
        here, there = (f"'{at['host']}'" if "host" in at else "the shards" for at in (old, new))
        yield (
            f"mspass:cluster.database: its documents do not move from {here} to {there} by an edit: mongodump them and "
            "pulumi destroy, which leaves the data where they are, then change it, pulumi up and mongorestore"
        )


def moved_shards(old: dict[str, dict[str, int]], new: dict[str, dict[str, int]], gone: list[str]) -> Iterator[str]:
    """Yield shards that an edit would take from under their data.

    Args:
        old, new: the port of each member, by shard and host.
        gone: hosts that are given up.
    """
    for name, before in old.items():
        path, after = _path(name), new.get(name)
        here = _and(before)
        if name == CONFIG_SET and after and not set(before) & set(after):
            yield (
                f"{path}: the config servers do not move from {here} to {_and(after)} by an edit: write "
                f"config: [{', '.join([*before, *after])}], pulumi up, then take {here} away"
            )
            continue
        if after is None:
            if name != CONFIG_SET and set(before) <= set(gone):
                yield (
                    f"mspass:abandon: shard '{name}' on {here} was not drained: its documents would be lost: "
                    "bring the host back; the last resort is an empty database, in another datadir, after "
                    "pulumi stack rm --force --preserve-config and the end of all that runs on the other hosts"
                )
            continue
        if not set(before) & set(after):
            there = _and(after)
            yield (
                f"{path}: a shard does not move from {here} to {there} by an edit. Either add {there} to its hosts, "
                f"pulumi up, then take {here} away; or add a shard of another name on {there}, pulumi up, then take "
                f"'{name}' away, which drains it."
            )
        for host in set(before) & set(after):
            if before[host] != after[host]:
                key = "config" if name == CONFIG_SET else name
                kept = f"{{{key}: {{{host}: {before[host]}}}}}"
                yield (
                    f"{path}: its port on '{host}' would change from {before[host]} to {after[host]}: members are "
                    f"numbered in their order; keep it by mspass:cluster.database.ports: {kept}"
                )

    holders = {(host, port): name for name, hosts in old.items() for host, port in hosts.items()}
    for name, after in new.items():
        for host, port in after.items():
            holder = holders.get((host, port), name)
            if holder != name and host not in {*new.get(holder, {}), *old.get(name, {})}:
                yield (
                    f"{_path(name)}: its port {port} on '{host}' is that of shard '{holder}' "
                    f"until that one is gone: take '{holder}' away and pulumi up, then add to '{name}' and pulumi up"
                )


def storage_changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Yield another storage of a database that is up.

    Args:
        old, new: the job that gives its hosts.
    """
    before, after = (job.get("storage", SHARED) for job in (old, new))
    if before != after:
        yield (
            f"mspass:cluster.database.storage: {after!r}: a database that is up stays where it is ({before!r}): "
            "mongodump it and pulumi destroy, then change it, move the data away, pulumi up and mongorestore"
        )


def resized(
    job: Mapping[str, Any], old: Mapping[str, Mapping[str, int]], new: Mapping[str, Mapping[str, int]]
) -> Iterator[str]:
    """Yield members that an edit adds or takes away where one version has the data of all.

    Args:
        job: that gives the hosts.
        old, new: the port of each member, by shard and host.
    """
    before, after = ({(name, host) for name, hosts in of.items() for host in hosts} for of in (old, new))
    if job.get("storage", SHARED) != SHARED and before and before != after:
        (name, host) = min(before ^ after)
        yield (
            f"{_path(name)}: '{host}' is {'taken away' if (name, host) in before else 'added'}: where "
            "mspass:cluster.database.storage is 'local', no shard and no member is added or drained: the balancer "
            "rests, and a version has the data of all"
        )


def _path(name: str) -> str:
    return "mspass:cluster.database." + ("config" if name == CONFIG_SET else f"shards.{name}")


def _and(hosts: Iterable[str]) -> str:
    return " and ".join(f"'{host}'" for host in hosts)
