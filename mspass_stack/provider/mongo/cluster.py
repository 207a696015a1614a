"""`ShardedCluster`: replica sets, shards, collections and users of a sharded database, as one thing."""

from collections.abc import Mapping
from contextlib import suppress

from pymongo.errors import PyMongoError

from mspass_stack.errors import InitFailed, Refused, Unreachable
from mspass_stack.machines import machine
from mspass_stack.mongo import balancer, readiness, users
from mspass_stack.mongo.client import brief, internal, said
from mspass_stack.mongo.drain import drain
from mspass_stack.mongo.replica_set import Member, ReplicaSet
from mspass_stack.mongo.sharded import ShardedDatabase
from mspass_stack.provider.mongo import in_job
from mspass_stack.provider.mongo.places import members_at, take_note
from mspass_stack.provider.resources.base import Call, Resource
from mspass_stack.provider.resources.rest import or_rest
from mspass_stack.provider.server.codec import Props
from mspass_stack.spec.resources import MongoPlace, ShardedClusterInputs
from mspass_stack.spec.topology import CONFIG_SET

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
        if in_job.is_over(next(iter(inputs.connections.values()))):
            return call.outputs
        try:
            database = declared(inputs)
            with database.router(within=UP_TIMEOUT) as router:
                if why := readiness.unreadable(router):
                    call.say("warning", f"the sharded database: {why}")
                # No drift where something is down: it is healed by itself, and the rest may be worked on meanwhile.
                why = readiness.unreadable(router) if why and database.is_served() else ""
                found = {"unreadable": why, "resting": balancer.is_resting(router)}
                return call.outputs | database.observed(router) | found
        except (PyMongoError, Unreachable, OSError) as error:
            call.say("warning", f"the sharded database does not answer ({said(error)}): taken as last known")
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
        first = next(iter(self.parse(call.inputs).connections.values()))
        return or_rest(first, lambda: self._updated(call), lambda: call.outputs)

    def _updated(self, call: Call) -> Props:
        outputs = self._ensure(call, call.id)
        database = declared(self.parse(call.inputs))
        gone = set(call.old_inputs["shards"]) - set(call.inputs["shards"])
        try:
            with database.router(DRAIN_TIMEOUT) as router:
                for shard in sorted(gone):
                    drain(router, shard, sorted(call.inputs["shards"]), lambda text: call.say("status", text))
                users.drop(router, set(call.old_inputs["users"]) - set(call.inputs["users"]))
                return outputs | database.observed(router)
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
        inputs = self.parse(call.inputs)
        leaving = sorted({*call.old_inputs.get("shards", {})} - {*inputs.shards})
        try:
            first = next(iter(inputs.connections.values()))
            if first.job:
                return in_job.prepare(first, call, not _is_as_before_in_another_job(call), leaving)
            database, given_up = declared(inputs), bool(inputs.abandoned)
            outputs = database.ensure(lambda text: call.say("status", text), given_up, leaving)
            take_notes(inputs)
            return outputs
        except (PyMongoError, Refused, Unreachable) as error:
            # What it is known to have, not what it should have: the next look finds the difference.
            known = {key: call.outputs.get(key, nothing) for key, nothing in UNKNOWN.items()}
            raise InitFailed(id, known, f"the sharded database: {said(error)}") from None


def _is_as_before_in_another_job(call: Call) -> bool:
    """Return whether its processes, each `JOB/DIGEST`, are those of before, started by a job that is new to us."""
    runs = [
        [run.partition("/")[::2] for run in inputs.get("incarnations", ())] for inputs in (call.old_inputs, call.inputs)
    ]
    if not runs[0]:
        return True
    jobs, digests = [{job for job, _ in one} for one in runs], [[digest for _, digest in one] for one in runs]
    return jobs[0].isdisjoint(jobs[1]) and digests[0] == digests[1]


def declared(inputs: ShardedClusterInputs) -> ShardedDatabase:
    """Return the database that the inputs of its resource declare."""
    trust = (inputs.key_file, (inputs.authority,))

    def members(places: Mapping[str, MongoPlace]) -> tuple[Member, ...]:
        return tuple(members_at(places, inputs.connections).values())

    return ShardedDatabase(
        ReplicaSet(CONFIG_SET, members(inputs.config), *trust, is_config=True),
        {name: ReplicaSet(name, members(places), *trust) for name, places in inputs.shards.items()},
        members(inputs.routers),
        inputs.key_file,
        inputs.authority,
        inputs.collections,
        inputs.users,
    )


def take_notes(inputs: ShardedClusterInputs) -> None:
    """Note on every host with data which release they are of; one that is down keeps the note that it has."""
    places: dict[str, MongoPlace] = {}
    for members in (inputs.config, *inputs.shards.values()):
        places |= members
    for host, member in members_at(places, inputs.connections).items():
        with (
            suppress(PyMongoError, Unreachable),
            internal(member.host, member.address, member.port, inputs.key_file, inputs.authority) as client,
        ):
            take_note(client, machine(inputs.connections[host]), places[host].stack_dir)
