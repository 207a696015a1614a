"""Every router knows exactly the shards declared, and leaves the cluster's administration to others."""

from typing import Any

import pytest
from pymongo.errors import OperationFailure

from mspass_stack.spec.inventory import Entry
from mspass_stack.verify.deployed import Deployed

FORBIDDEN: list[dict[str, Any]] = [{"listShards": 1}, {"addShard": "x/127.0.0.1:1"}, {"removeShard": "x"}]


def test_it_knows_exactly_the_shards_declared_with_their_members(process: Entry, deployed: Deployed) -> None:
    with deployed.internal(process) as client:
        known = {shard["_id"]: shard["host"] for shard in client.admin.command("listShards")["shards"]}
    declared = {shard.replica_set for shard in deployed.inventory.with_role("shard")}
    assert set(known) == declared
    for name, places in known.items():
        assert set(places.removeprefix(f"{name}/").split(",")) == deployed.members(name)


def test_the_collections_declared_are_sharded_by_their_keys(process: Entry, deployed: Deployed) -> None:
    with deployed.internal(process) as client:
        found = {one["_id"]: one["key"] for one in client["config"]["collections"].find()}
    for namespace, key in deployed.inventory.collections.items():
        assert found[namespace] == {key: "hashed"}


@pytest.mark.parametrize("command", FORBIDDEN, ids=[next(iter(command)) for command in FORBIDDEN])
def test_the_user_may_not_administer_the_cluster(process: Entry, deployed: Deployed, command: dict[str, Any]) -> None:
    with deployed.database(process) as client, pytest.raises(OperationFailure, match="not authorized"):
        client.admin.command(command)
