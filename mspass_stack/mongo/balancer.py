"""The balancer of a sharded database, which rests while servers are restarted in their turns.

It moves documents between shards, and a member that steps down breaks off what it moves (MongoDB manual, "Manage
Sharded Cluster Balancer"). A mark tells a balancer that rests from one that its owner has switched off.
"""

from contextlib import suppress
from typing import Any

from pymongo.collection import Collection
from pymongo.errors import PyMongoError
from pymongo.write_concern import WriteConcern

from mspass_stack.mongo.client import Client
from mspass_stack.mongo.replica_set import ReplicaSet

BALANCER = {"_id": "balancer"}

MOVES = (
    *("migrations", "migrationCoordinators", "migrationRecipients"),
    *("reshardingOperations", "system.sharding_ddl_coordinators"),
)
"""Collections of `config`, on config servers or on shards, that have something while documents move or are to."""


def rest(config: ReplicaSet) -> None:
    """Let the balancer begin nothing more, and leave a mark; where the config servers have no primary, it does not."""
    with suppress(PyMongoError), config.primary() as client:
        settings = _settings(client)
        if (settings.find_one(BALANCER) or {}).get("mode") != "off":
            _marks(client).replace_one(BALANCER, BALANCER, upsert=True)
            settings.update_one(BALANCER, {"$set": {"mode": "off", "stopped": True}}, upsert=True)


def stop(config: Client) -> None:
    """Have it moved by nobody: a member's copy of a chunk that moves meanwhile would be in none of a version."""
    _settings(config).update_one(BALANCER, {"$set": {"mode": "off", "stopped": True}}, upsert=True)
    _marks(config).delete_one(BALANCER)


def is_off(config: Client) -> bool:
    """Return whether nothing more is begun."""
    return (_settings(config).find_one(BALANCER) or {}).get("mode") == "off"


def moving(member: Client, milliseconds: int) -> str:
    """Return which collection of a member says that documents move; empty where none does.

    Args:
        milliseconds: for each answer.
    """
    return next(
        (name for name in MOVES if member["config"][name].find_one({}, max_time_ms=milliseconds) is not None), ""
    )


def is_resting(router: Client) -> bool:
    """Return whether there is a mark: of an `up` that was cut short, it may be."""
    return _marks(router).find_one(BALANCER) is not None


def wake(config: Client) -> None:
    """Let the balancer go on where there is a mark."""
    if is_resting(config):
        _settings(config).update_one(BALANCER, {"$set": {"mode": "full", "stopped": False}})
        _marks(config).delete_one(BALANCER)


def _settings(client: Client) -> Collection[dict[str, Any]]:
    return client["config"].get_collection("settings", write_concern=WriteConcern("majority"))


def _marks(client: Client) -> Collection[dict[str, Any]]:
    # In the database that is on the config servers, also by way of a router.
    return client["admin"].get_collection("mspass_stack", write_concern=WriteConcern("majority"))
