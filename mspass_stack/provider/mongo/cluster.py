"""`ShardedCluster`: replica sets, shards, collections and users of a sharded database, as one thing."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

from pymongo.errors import PyMongoError
from pymongo.write_concern import WriteConcern

from mspass_stack.errors import InitFailed, Refused, Unreachable
from mspass_stack.polling import keep_trying
from mspass_stack.provider.mongo import balancer, readiness, users
from mspass_stack.provider.mongo.client import ANSWER_TIMEOUT, Client, brief, internal
from mspass_stack.provider.mongo.drain import drain
from mspass_stack.provider.mongo.replica_set import Member, ReplicaSet, members_at
from mspass_stack.provider.resources.base import Call, Resource
from mspass_stack.provider.server.codec import Props
from mspass_stack.spec.resources import MongoPlace, ShardedClusterInputs
from mspass_stack.spec.topology import CONFIG_SET

ROUTER_TIMEOUT = 60.0
"""Seconds for a router to find its config servers once they have a primary."""

UP_TIMEOUT = 3.0
"""Seconds for one that should be up already."""

UNKNOWN: Props = {"shards": {}, "collections": {}, "users": {}}
"""What is seen of a database that nobody has seen yet."""

DRAIN_TIMEOUT = 4 * 3600.0
"""Seconds for one answer while a database is moved."""


class ShardedCluster(Resource[ShardedClusterInputs]):
    """Outputs: `shards`, `collections` and `users`, as the cluster has them; `unreadable`, why its documents cannot be
    read though all is up, or nothing; `resting`, whether its balancer rests."""

    model = ShardedClusterInputs

    def create(self, call: Call) -> tuple[str, Props]:
        id = f"{call.inputs['stack']}/sharded-cluster"
        return id, {} if call.preview else self._ensure(call, id)

    def read(self, call: Call) -> Props:
        """Return what the cluster says of itself; the last known where it does not answer."""
        inputs = self.parse(call.inputs)
        try:
            cluster = Cluster(inputs)
            with cluster.router(within=UP_TIMEOUT) as router:
                if why := readiness.unreadable(router):
                    call.say("warning", f"the sharded database: {why}")
                # No drift where something is down: it is healed by itself, and the rest may be worked on meanwhile.
                why = readiness.unreadable(router) if why and cluster.is_served() else ""
                found = {"unreadable": why, "resting": balancer.is_resting(router)}
                return call.outputs | observed(router, inputs) | found
        except (PyMongoError, Unreachable, OSError) as error:
            call.say("warning", f"the sharded database does not answer ({_text_of(error)}): taken as last known")
            return call.outputs

    def diff(self, call: Call) -> list[str]:
        self._refuse(call)
        names = super().diff(call)
        desired = {"shards": call.inputs["shards"], "collections": call.inputs["collections"]}
        drifted = [key for key, value in desired.items() if set(value) - set(call.outputs.get(key, {}))]
        drifted += ["users"] if users.drifted(call.inputs["users"], call.outputs.get("users")) else []
        drifted += ["shards"] if call.outputs.get("unreadable") or call.outputs.get("resting") else []
        return names or drifted

    def update(self, call: Call) -> Props:
        if call.preview:
            return {}
        outputs = self._ensure(call, call.id)
        cluster = Cluster(self.parse(call.inputs))
        gone = set(call.old_inputs["shards"]) - set(call.inputs["shards"])
        try:
            with cluster.router(DRAIN_TIMEOUT) as router:
                for shard in sorted(gone):
                    drain(router, shard, sorted(call.inputs["shards"]), lambda text: call.say("status", text))
                users.drop(router, set(call.old_inputs["users"]) - set(call.inputs["users"]))
                return outputs | observed(router, cluster.inputs)
        except PyMongoError as error:
            raise Refused(f"the sharded database: {brief(error)}") from None

    def _refuse(self, call: Call) -> None:
        """Refuse what an edit of the stack file cannot do."""
        keys: Mapping[str, str] = call.outputs.get("collections", {})
        for name, key in call.inputs["collections"].items():
            if keys.get(name, key) != key:
                raise Refused(
                    f"mspass:cluster.database.collections.{name}: {key!r}: it is sharded by {keys[name]!r}, and a key "
                    f"does not change by an edit. Either let MongoDB reshard it (sh.reshardCollection('{name}', "
                    f"{{{key}: 'hashed'}})) and go on with pulumi up, or copy it into a collection of another name."
                )
        if call.old_inputs and not call.inputs["shards"]:
            raise Refused("mspass:cluster.database.shards: the last shard cannot be drained")

    def _ensure(self, call: Call, id: str) -> Props:
        cluster = Cluster(self.parse(call.inputs))
        try:
            cluster.ensure_sets(lambda text: call.say("status", text), given_up=bool(call.inputs["abandoned"]))
            # Sets that have just got their primaries do not know each other yet.
            return keep_trying(
                partial(self._join, cluster, call),
                PyMongoError,
                users.READY_TIMEOUT,
                lambda error: call.say("status", brief(error)),
            )
        except (PyMongoError, Refused, Unreachable) as error:
            # What it is known to have, not what it should have: the next look finds the difference.
            known = {key: call.outputs.get(key, nothing) for key, nothing in UNKNOWN.items()}
            raise InitFailed(id, known, f"the sharded database: {_text_of(error)}") from None

    def _join(self, cluster: "Cluster", call: Call) -> Props:
        """Make one database of sets and routers; what is done already is left."""
        with cluster.config.primary() as config:
            balancer.wake(config)
            refuse_emptied(config, cluster.shards)
            tell_members(config, cluster.shards)
        with cluster.router() as router:
            known = known_shards(router)
            refuse_strays(known, {*cluster.shards, *call.old_inputs.get("shards", {})})
            call.say("status", "adding shards")
            add_shards(router, {name: shard for name, shard in cluster.shards.items() if name not in known})
            users.ensure(router, cluster.inputs.users)
            shard_collections(router, cluster.inputs.collections)
            readiness.ensure(router, cluster.shards)
            outputs = observed(router, cluster.inputs) | {"unreadable": "", "resting": False}
        cluster.take_notes()
        return outputs


class Cluster:
    """The sets and routers of a sharded database, by the inputs of its resource."""

    def __init__(self, inputs: ShardedClusterInputs) -> None:
        self.inputs, self._trust = inputs, (inputs.key_file, inputs.authority)
        asked = (inputs.key_file, (inputs.authority,))
        self.config = ReplicaSet(CONFIG_SET, self._members(inputs.config), *asked, is_config=True)
        self.shards = {
            name: ReplicaSet(name, self._members(members), *asked) for name, members in inputs.shards.items()
        }

    def ensure_sets(self, say: Callable[[str], None], given_up: bool = False) -> None:
        """All sets at once.

        Args:
            given_up: whether hosts are given up, so that members which are not declared any more may be lost.
        """
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
            for member in self._members(self.inputs.routers):
                client = internal(member.host, member.address, member.port, *self._trust, answer)
                try:
                    client.admin.command("ping")
                    return client
                except PyMongoError as failure:
                    error = failure
                    client.close()
            raise error

        return keep_trying(first, PyMongoError, within)

    def take_notes(self) -> None:
        """Note on every host with data which release they are of; one that is down keeps the note that it has."""
        places: dict[str, MongoPlace] = {}
        for members in (self.inputs.config, *self.inputs.shards.values()):
            places |= members
        for host, place in places.items():
            (member,) = self._members({host: place})
            with (
                suppress(PyMongoError, Unreachable),
                internal(member.host, member.address, member.port, *self._trust) as client,
            ):
                users.take_note(client, member.host, place.stack_dir)

    def _members(self, places: Mapping[str, MongoPlace]) -> tuple[Member, ...]:
        return tuple(members_at(places, self.inputs.connections).values())


def _text_of(error: Exception) -> str:
    return brief(error) if isinstance(error, PyMongoError) else str(error)


def known_shards(router: Client) -> dict[str, str]:
    """Return the shards that the cluster has, with their members."""
    return {shard["_id"]: shard["host"] for shard in router.admin.command("listShards")["shards"]}


def observed(router: Client, inputs: ShardedClusterInputs) -> Props:
    """Return shards with their members, hashed keys of sharded collections, and the roles of users."""
    return {
        "shards": known_shards(router),
        "collections": sharded_collections(router),
        "users": users.present(router, inputs.users, inputs.authority),
    }


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
