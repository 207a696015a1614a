"""A sharded database: replica sets, shards, collections and users, as one thing."""

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from pymongo.errors import PyMongoError
from pymongo.write_concern import WriteConcern

from mspass_stack.errors import Refused, Unreachable
from mspass_stack.mongo import balancer, readiness, users
from mspass_stack.mongo.client import ANSWER_TIMEOUT, Client, brief, internal
from mspass_stack.mongo.replica_set import Member, ReplicaSet
from mspass_stack.polling import keep_trying

ROUTER_TIMEOUT = 60.0
"""Seconds for a router to find its config servers once they have a primary."""


@dataclass(frozen=True)
class ShardedDatabase:
    """The sets and routers of a sharded database, and what it is to have.

    Attributes:
        key_file: content of the key file.
        authority: certificate of who signs those of the servers, PEM; empty where they speak no TLS.
        collections: hashed shard key by namespace.
        balanced: whether documents move between shards.
    """

    config: ReplicaSet
    shards: Mapping[str, ReplicaSet]
    routers: tuple[Member, ...]
    key_file: str
    authority: str
    collections: Mapping[str, str]
    users: Mapping[str, users.User]
    balanced: bool = True

    def ensure(
        self, say: Callable[[str], None], given_up: bool = False, leaving: Collection[str] = ()
    ) -> dict[str, Any]:
        """Make one database of all; what is done already is left. Return what it has then.

        Args:
            given_up: whether hosts are given up, so that members which are not declared any more may be lost.
            leaving: shards that are drained after this.

        Raises:
            PyMongoError, Refused, Unreachable: a step is missing at its deadline, or must not be done.
        """
        self.ensure_sets(say, given_up)
        # Sets that have just got their primaries do not know each other yet.
        return keep_trying(
            partial(self._join, say, leaving), PyMongoError, users.READY_TIMEOUT, lambda error: say(brief(error))
        )

    def ensure_sets(self, say: Callable[[str], None], given_up: bool = False) -> None:
        """All sets at once."""
        sets = [self.config, *self.shards.values()]
        with ThreadPoolExecutor(len(sets)) as pool:
            list(pool.map(partial(ReplicaSet.ensure, say=say, given_up=given_up), sets))

    def is_served(self) -> bool:
        """Whether every set has a primary."""
        try:
            for replica_set in (self.config, *self.shards.values()):
                replica_set.primary().close()
        except (PyMongoError, Unreachable, OSError):
            return False
        return True

    def router(self, answer: float = ANSWER_TIMEOUT, within: float = ROUTER_TIMEOUT) -> Client:
        """Return a client of the first router that has found its config servers, as the internal user.

        Args:
            answer: seconds for each answer.
            within: seconds until one is found.

        Raises:
            PyMongoError: none is.
        """

        def first() -> Client:
            error: PyMongoError = PyMongoError("there is no router")
            for member in self.routers:
                client = internal(member.host, member.address, member.port, self.key_file, self.authority, answer)
                try:
                    client.admin.command("ping")
                    return client
                except PyMongoError as failure:
                    error = failure
                    client.close()
            raise error

        return keep_trying(first, PyMongoError, within)

    def observed(self, router: Client) -> dict[str, Any]:
        """Return shards with their members, hashed keys of sharded collections, and the roles of users."""
        return {
            "shards": known_shards(router),
            "collections": sharded_collections(router),
            "users": users.present(router, self.users, self.authority),
        }

    def _join(self, say: Callable[[str], None], leaving: Collection[str]) -> dict[str, Any]:
        with self.config.primary() as config:
            (balancer.wake if self.balanced else balancer.stop)(config)
            refuse_emptied(config, self.shards)
            tell_members(config, self.shards)
        with self.router() as router:
            known = known_shards(router)
            refuse_strays(known, {*self.shards, *leaving})
            say("adding shards")
            add_shards(router, {name: shard for name, shard in self.shards.items() if name not in known})
            users.ensure(router, self.users)
            shard_collections(router, self.collections)
            readiness.ensure(router, self.shards)
            return self.observed(router) | {"unreadable": "", "resting": False}


def known_shards(router: Client) -> dict[str, str]:
    """Return the shards that the cluster has, with their members."""
    return {shard["_id"]: shard["host"] for shard in router.admin.command("listShards")["shards"]}


def sharded_collections(router: Client) -> dict[str, str]:
    """Return the keys of the user's sharded collections."""
    own = {"_id": {"$not": {"$regex": r"^config\."}, "$ne": readiness.NAMESPACE}}
    return {found["_id"]: ",".join(found["key"]) for found in router["config"]["collections"].find(own)}


def refuse_strays(known: Mapping[str, str], named: set[str]) -> None:
    """Refuse data with a shard that nobody names any more: a part of the documents would be out of reach."""
    for name, members in known.items():
        if name not in named:
            raise Refused(
                f"mspass:cluster.database.shards.{name}: missing: the kept data have it ({members}). Write it "
                "back and pulumi up; taken away after that, it is drained first"
            )


def refuse_emptied(config: Client, shards: Mapping[str, ReplicaSet]) -> None:
    """Refuse an empty database in the place of a shard that has documents: every query of them would fail."""
    for found in config["config"]["shards"].find({"_id": {"$in": list(shards)}}):
        shard = shards[found["_id"]]
        with shard.primary() as client:
            if client["admin"]["system.version"].find_one({"_id": "shardIdentity"}) is None:
                raise Refused(
                    f"mspass:cluster.database.shards.{shard.name}: the data of this shard are not on "
                    f"{', '.join(shard.places)}, where an empty database is now (the cluster has it on "
                    f"{found['host']}): bring the disk back or write its host, and pulumi up"
                )


def add_shards(router: Client, shards: Mapping[str, ReplicaSet]) -> None:
    for name, shard in shards.items():
        router.admin.command("addShard", shard.seeds, name=name)


def tell_members(config: Client, shards: Mapping[str, ReplicaSet]) -> None:
    """Write into the config servers who the members of each shard are, as a router does that sees them change."""
    known = config["config"].get_collection("shards", write_concern=WriteConcern("majority"))
    for found in known.find({"_id": {"$in": list(shards)}}):
        seeds = shards[found["_id"]].seeds
        if set(found["host"].partition("/")[2].split(",")) != set(seeds.partition("/")[2].split(",")):
            known.update_one({"_id": found["_id"]}, {"$set": {"host": seeds}})


def shard_collections(router: Client, collections: Mapping[str, str]) -> None:
    """Shard collections by hashed keys; what is sharded already stays."""
    known = set(sharded_collections(router))
    for name, key in collections.items():
        if name in known:
            continue
        database, _, collection = name.partition(".")
        # A collection with documents needs the index first; an empty one gets it all the same.
        router[database][collection].create_index([(key, "hashed")])
        router.admin.command("shardCollection", name, key={key: "hashed"})
