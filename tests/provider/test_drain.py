"""Why a shard cannot be emptied, told before its drain begins; on the collections of a real server."""

from collections.abc import Iterator
from typing import Any

import pytest

from mspass_stack.errors import Refused
from mspass_stack.machines.local import LocalMachine
from mspass_stack.mongo.client import Client, internal
from mspass_stack.mongo.drain import drain, obstacle
from tests.provider.conftest import host_of
from tests.provider.test_mongo import Server

CONFIG: dict[str, list[dict[str, Any]]] = {
    "settings": [{"_id": "balancer", "mode": "full"}],
    "collections": [{"_id": "mspass.arrival", "uuid": 1}, {"_id": "mspass.wf", "uuid": 2}],
    "chunks": [{"_id": 1, "uuid": 1, "shard": "a"}, {"_id": 2, "uuid": 2, "shard": "b"}],
    "shards": [{"_id": "a"}, {"_id": "b"}],
}
"""What a router reads in a cluster of two shards that are in order."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with host_of(tmp_path_factory.mktemp("drain")) as host:
        yield Server(host)


@pytest.fixture
def router(server: Server) -> Iterator[Client]:
    with internal(LocalMachine(), "127.0.0.1", server.port, server.key_file.read_text(), "") as client:
        for name, documents in CONFIG.items():
            client["config"][name].delete_many({})
            client["config"][name].insert_many(documents)
        yield client


def test_nothing_stands_in_the_way_of_a_cluster_in_order(router: Client) -> None:
    assert obstacle(router, "a", ["b"]) is None


def test_the_last_shard_has_nowhere_to_go(router: Client) -> None:
    assert (obstacle(router, "a", []) or "").startswith("it is the last one: add another first")


def test_a_balancer_that_is_off_moves_nothing(router: Client) -> None:
    router["config"]["settings"].update_one({"_id": "balancer"}, {"$set": {"mode": "off"}})
    assert obstacle(router, "a", ["b"]) == "the balancer is off: sh.startBalancer()"


def test_a_collection_of_its_own_that_is_not_balanced_is_named(router: Client) -> None:
    router["config"]["collections"].update_many({}, {"$set": {"noBalance": True}})
    assert obstacle(router, "b", ["a"]) == "mspass.wf is not balanced: sh.enableBalancing('mspass.wf')"


def test_a_collection_of_other_shards_may_be_as_it_is(router: Client) -> None:
    router["config"]["collections"].update_one({"_id": "mspass.wf"}, {"$set": {"noBalance": True}})
    router["config"]["chunks"].update_one({"shard": "b"}, {"$set": {"jumbo": True}})
    assert obstacle(router, "a", ["b"]) is None


def test_chunks_that_are_too_big_to_move_are_counted(router: Client) -> None:
    router["config"]["chunks"].insert_one({"_id": 3, "uuid": 1, "shard": "a", "jumbo": True})
    assert (obstacle(router, "a", ["b"]) or "").startswith("1 of its chunks are too big to move (jumbo)")


def test_the_only_shard_of_a_zone_is_not_taken_from_it(router: Client) -> None:
    shards = router["config"]["shards"]
    shards.update_one({"_id": "a"}, {"$set": {"tags": ["fast", "near"]}})
    shards.update_one({"_id": "b"}, {"$set": {"tags": ["fast"]}})
    assert obstacle(router, "a", ["b"]) == "it is the only one of zone 'near': sh.addShardToZone() another"
    shards.update_one({"_id": "b"}, {"$set": {"tags": ["near", "fast"]}})
    assert obstacle(router, "a", ["b"]) is None


def test_a_drain_that_cannot_succeed_is_not_begun(router: Client) -> None:
    output: list[str] = []
    with pytest.raises(Refused, match="shard 'a' cannot be drained: it is the last one"):
        drain(router, "a", [], output.append)
    assert output == []
