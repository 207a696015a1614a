"""Each shard holds its part of the documents that go in through the router."""

import secrets
from collections.abc import Iterator

import pytest

from mspass_stack.spec.inventory import Entry
from mspass_stack.verify.deployed import DEPLOYED, Deployed

DOCUMENTS = 2000


@pytest.fixture(scope="session")
def marked(pytestconfig: pytest.Config) -> Iterator[str]:
    """Documents in every collection that is sharded, by a mark of this run; removed afterwards."""
    deployed, mark = pytestconfig.stash[DEPLOYED], secrets.token_hex(8)
    with deployed.database() as client:
        try:
            for namespace, key in deployed.inventory.collections.items():
                database, name = namespace.split(".", 1)
                # A field that is the shard key must differ from document to document; `_id` does by itself.
                own = [{"verify": mark, **({} if key == "_id" else {key: n})} for n in range(DOCUMENTS)]
                client[database][name].insert_many(own)
            yield mark
        finally:
            for database, name in (namespace.split(".", 1) for namespace in deployed.inventory.collections):
                client[database][name].delete_many({"verify": mark})


def test_it_holds_its_part_of_every_sharded_collection(process: Entry, deployed: Deployed, marked: str) -> None:
    shard = process.replica_set
    with deployed.internal(deployed.inventory.database_endpoint) as client:
        uuids = {one["_id"]: one["uuid"] for one in client["config"]["collections"].find()}
        chunks = client["config"]["chunks"]
        owners = {name: set(chunks.distinct("shard", {"uuid": uuids[name]})) for name in deployed.inventory.collections}
    # A secondary may be behind; its set's primary has what was acknowledged.
    with deployed.internal(deployed.primary(process)) as member, deployed.database() as client:
        for namespace in deployed.inventory.collections:
            database, name = namespace.split(".", 1)
            assert client[database][name].count_documents({"verify": marked}) == DOCUMENTS
            held = member[database][name].count_documents({"verify": marked})
            assert (held > 0) == (shard in owners[namespace])
            assert (held < DOCUMENTS) == (owners[namespace] != {shard})
            if shard not in owners[namespace]:
                # The balancer gives a new shard its part as the collection grows.
                deployed.notes.append(f"{namespace}: shard {shard} owns no part of it yet")
