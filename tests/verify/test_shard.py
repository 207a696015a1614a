"""Each shard is a member of the cluster with the replica set declared, and holds its part of the documents."""

import secrets
from collections.abc import Iterator

import pytest

from mspass_stack.inventory import Entry
from tests.verify.deployed import Deployed

DOCUMENTS = 2000


@pytest.fixture(scope="session")
def marked(pytestconfig: pytest.Config) -> Iterator[dict[str, str]]:
    """Documents in every collection that is sharded, by a mark of this run; removed afterwards."""
    from tests.verify.conftest import DEPLOYED

    deployed, mark = pytestconfig.stash[DEPLOYED], secrets.token_hex(8)
    collections = [name.split(".", 1) for name in deployed.inventory.collections]
    keys = deployed.inventory.collections
    with deployed.database() as client:
        try:
            for database, name in collections:
                # A field that is the shard key must differ from document to document; `_id` does by itself.
                key = keys[f"{database}.{name}"]
                own = [{"verify": mark, **({} if key == "_id" else {key: n})} for n in range(DOCUMENTS)]
                client[database][name].insert_many(own)
            yield {f"{database}.{name}": mark for database, name in collections}
        finally:
            for database, name in collections:
                client[database][name].delete_many({"verify": mark})


def test_it_is_registered_with_exactly_its_members(process: Entry, deployed: Deployed) -> None:
    name = _set(process)
    members = {
        f"{other.address}:{other.ports[0]}" for other in deployed.inventory.playing("shard") if _set(other) == name
    }
    with deployed.internal(deployed.inventory.entrance) as client:
        known = {shard["_id"]: shard["host"] for shard in client.admin.command("listShards")["shards"]}
    assert set(known) == {_set(other) for other in deployed.inventory.playing("shard")}
    assert set(known[name].removeprefix(f"{name}/").split(",")) == members
    with deployed.internal(process) as client:
        status = client.admin.command("replSetGetStatus")["members"]
    assert {member["name"] for member in status} == members
    states = sorted(member["stateStr"] for member in status)
    assert states == ["PRIMARY"] + ["SECONDARY"] * (len(members) - 1)


def test_it_holds_a_part_of_every_sharded_collection(
    process: Entry, deployed: Deployed, marked: dict[str, str]
) -> None:
    with deployed.internal(deployed.inventory.entrance) as client:
        uuids = {one["_id"]: one["uuid"] for one in client["config"]["collections"].find()}
        owners = {
            namespace: set(client["config"]["chunks"].distinct("shard", {"uuid": uuids[namespace]}))
            for namespace in marked
        }
    with deployed.internal(process) as client:
        for namespace, mark in marked.items():
            database, name = namespace.split(".", 1)
            held = client[database].get_collection(name).count_documents({"verify": mark})
            # The balancer gives a new shard its part as the collection grows.
            assert (held > 0) == (_set(process) in owners[namespace])
            assert (held < DOCUMENTS) == (owners[namespace] != {_set(process)})


def test_the_collections_declared_are_sharded_by_their_keys(process: Entry, deployed: Deployed) -> None:
    with deployed.internal(deployed.inventory.entrance) as client:
        found = {one["_id"]: one["key"] for one in client["config"]["collections"].find()}
    for namespace, key in deployed.inventory.collections.items():
        assert found[namespace] == {key: "hashed"}


def _set(process: Entry) -> str:
    return process.argv[process.argv.index("--replSet") + 1]
