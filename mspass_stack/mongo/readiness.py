"""The documents by which a sharded database shows that it can be read: some on every shard, found through a router."""

from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from typing import Any

from pymongo import ReadPreference
from pymongo.errors import BulkWriteError, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from mspass_stack.mongo.client import Client, brief

DATABASE, COLLECTION = "mspass_stack", "ready"
NAMESPACE = f"{DATABASE}.{COLLECTION}"

CHUNKS = 64
"""Chunks of the collection, and documents in it: enough that each shard that comes gets one of another's."""

READ_TIMEOUT = 5.0
"""Seconds for all shards to answer: they are up, and nothing else is asked of them."""

COMPLETE = {"_id": "ready"}
"""The mark beside the balancer's that says how many of the documents were there."""

RESTORE = (
    "Bring back its disk. To go on without what was there: "
    f"in mongosh db.getSiblingDB('{DATABASE}').dropDatabase(), and then "
    f"db.getSiblingDB('admin').mspass_stack.deleteOne({COMPLETE})"
)
"""What to do where they are not there any more."""

REMEDY = (
    "Shards that keep what they knew of other config servers read again after a restart: pulumi destroy, which leaves "
    "the data where they are, and pulumi up"
)
"""What to do where every shard is up and the documents cannot be read all the same."""


def ensure(router: Client, shards: Collection[str]) -> None:
    """Have at least one chunk of the collection on every shard, all of which are up, and read it.

    Raises:
        PyMongoError: it could not be done, or the documents cannot be read.
    """
    config = router["config"]
    if config["collections"].find_one({"_id": NAMESPACE}) is None:
        router.admin.command("shardCollection", NAMESPACE, key={"_id": "hashed"}, numInitialChunks=CHUNKS)
    documents = router[DATABASE].get_collection(COLLECTION, write_concern=WriteConcern("majority"))
    try:
        found = _read(router)
    except PyMongoError as error:
        raise PyMongoError(f"{error}. {REMEDY}") from None
    marks = router["admin"]["mspass_stack"]
    if found < (marks.find_one(COMPLETE) or {}).get("documents", 0):
        raise PyMongoError(f"{_lost(found)}. {RESTORE}")
    if found < CHUNKS:
        with suppress(BulkWriteError):  # those that are there
            documents.insert_many(({"_id": number} for number in range(CHUNKS)), ordered=False)
    own = config["collections"].find_one({"_id": NAMESPACE}) or {}
    chunks: list[dict[str, Any]] = list(config["chunks"].find({"uuid": own.get("uuid")}))
    for shard in sorted({*shards} - {chunk["shard"] for chunk in chunks}):
        ((giver, _),) = Counter(chunk["shard"] for chunk in chunks).most_common(1)
        chunk = next(chunk for chunk in chunks if chunk["shard"] == giver)
        bounds = [chunk["min"], chunk["max"]]
        # Without the last word it could not come back for a quarter of an hour (MongoDB manual,
        # "orphanCleanupDelaySecs"), and the new shard not be drained.
        router.admin.command("moveChunk", NAMESPACE, bounds=bounds, to=shard, _waitForDelete=True)
        chunk["shard"] = shard
    if why := unreadable(router):
        raise PyMongoError(f"{why}. {REMEDY}")
    # From here on one that is missing is lost, and not to be written again in silence.
    marks.replace_one(COMPLETE, {**COMPLETE, "documents": CHUNKS}, upsert=True)


def unreadable(router: Client) -> str:
    """Read from every shard; return why that cannot be done, nothing when it can."""
    try:
        found = _read(router)
    except PyMongoError as error:
        return str(error)
    return "" if found >= CHUNKS else _lost(found)


def _lost(found: int) -> str:
    return f"{found} of {CHUNKS} documents of {NAMESPACE} are found: a shard has lost its data"


def _read(router: Client) -> int:
    """Return how many of the documents are found.

    Raises:
        PyMongoError: they cannot be read.
    """
    documents = router[DATABASE].get_collection(
        COLLECTION, read_concern=ReadConcern("majority"), read_preference=ReadPreference.PRIMARY
    )
    try:
        return len(list(documents.find({}, max_time_ms=int(READ_TIMEOUT * 1000))))
    except PyMongoError as error:
        raise PyMongoError(f"its documents cannot be read: {brief(error)}") from None
