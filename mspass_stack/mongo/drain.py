"""A shard emptied and taken out of its cluster (MongoDB manual, "Remove Shards from a Sharded Cluster")."""

from collections.abc import Callable, Sequence
from typing import Any

from pymongo.errors import OperationFailure

from mspass_stack.errors import Refused
from mspass_stack.mongo.client import Client
from mspass_stack.polling import wait_until

STALL_TIMEOUT = 900.0
"""Seconds without a chunk moved after which a drain is given up; a chunk has at most 128 MiB."""

PAUSE = 1.0

GONE = 70
"""MongoDB's code ShardNotFound."""


def drain(router: Client, shard: str, remaining: Sequence[str], say: Callable[[str], None]) -> None:
    """Move everything off a shard, then take it out; goes on where an interrupted drain was.

    Args:
        remaining: the shards that stay.

    Raises:
        Refused: it cannot succeed, or it stalled.
    """
    if why := obstacle(router, shard, remaining):
        raise Refused(f"shard '{shard}' cannot be drained: {why}")
    left = -1

    def done_or_moved() -> bool:
        nonlocal left, done
        answer = _remove(router, shard)
        if answer["state"] == "completed":
            done = True
            return True
        for database in answer.get("dbsToMove", []):
            _move_primary(router, database, shard, remaining)
        now = int(answer.get("remaining", {}).get("chunks", 0)) + int(answer.get("remaining", {}).get("dbs", 0))
        if moved := now != left:
            say(f"shard {shard}: chunks and databases to move: {now}")
        left = now
        return moved

    done = False
    while not done:
        if not wait_until(done_or_moved, STALL_TIMEOUT, PAUSE):
            raise Refused(
                f"shard '{shard}': nothing was moved off it for {STALL_TIMEOUT:.0f} s, {left} chunks and databases are "
                "left: look at sh.status(), and go on with pulumi up"
            )


def obstacle(router: Client, shard: str, remaining: Sequence[str]) -> str | None:
    """Return why a shard cannot be emptied; None when it can."""
    config = router["config"]
    if not remaining:
        return "it is the last one: add another first, or destroy the stack (the data stay)"
    if config["settings"].find_one({"_id": "balancer", "mode": "off"}):
        return "the balancer is off: sh.startBalancer()"
    held = {chunk["uuid"]: chunk for chunk in config["chunks"].find({"shard": shard})}
    for collection in config["collections"].find({"uuid": {"$in": list(held)}, "noBalance": True}):
        return f"{collection['_id']} is not balanced: sh.enableBalancing('{collection['_id']}')"
    if jumbo := config["chunks"].count_documents({"shard": shard, "jumbo": True}):
        return f"{jumbo} of its chunks are too big to move (jumbo): refine or reshard their collections"
    own = config["shards"].find_one({"_id": shard}) or {}
    for zone in own.get("tags", []):
        if not config["shards"].find_one({"_id": {"$ne": shard}, "tags": zone}):
            return f"it is the only one of zone '{zone}': sh.addShardToZone() another"
    return None


def _remove(router: Client, shard: str) -> dict[str, Any]:
    try:
        return router.admin.command("removeShard", shard)
    except OperationFailure as error:
        if error.code == GONE:
            return {"state": "completed"}
        raise


def _move_primary(router: Client, database: str, shard: str, remaining: Sequence[str]) -> None:
    """Give a database to the shard that is the primary of the fewest."""
    owned = [found["primary"] for found in router["config"]["databases"].find()]
    target = min(remaining, key=owned.count)
    router.admin.command("movePrimary", database, to=target)
