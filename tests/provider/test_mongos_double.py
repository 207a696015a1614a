"""The double of MongoDB's router keeps what tests of a sharded cluster rely on; genuine members do the work."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import gridfs
import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError
from pymongo.write_concern import WriteConcern

from mspass_stack.errors import InitFailed
from mspass_stack.machines.local import LocalMachine
from mspass_stack.mongo import balancer, readiness, users
from mspass_stack.mongo.replica_set import Member, ReplicaSet
from mspass_stack.polling import keep_trying, wait_until
from mspass_stack.provider.resources.base import Call
from mspass_stack.provider.resources.secret import FORMS
from mspass_stack.provider.server.registry import RESOURCES
from tests.harness import mongos
from tests.harness.mongod import mongod_path
from tests.harness.ports import free_ports
from tests.provider.conftest import HERE

Client = MongoClient[dict[str, Any]]

ROLES = ["readWriteAnyDatabase", "dbAdminAnyDatabase"]
LIMIT = 60
MEMBERS = {"configserver": "--configsvr", "a": "--shardsvr", "b": "--shardsvr"}

pytestmark = pytest.mark.skipif(os.environ.get("MSPASS_TEST_DOUBLES") != "1", reason="MSPASS_TEST_DOUBLES is not 1")


class Cluster:
    """A config server and two shards of one member each, all with one key, and the double."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.key = FORMS["keyfile"]()
        self.key_file = directory / "keyfile"
        self.key_file.touch(mode=0o600)
        self.key_file.write_text(self.key)
        self.ports = dict(zip([*MEMBERS, "mongos"], free_ports(len(MEMBERS) + 1), strict=True))
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        common = ["--port", self.ports[name], "--bind_ip", "127.0.0.1", "--nounixsocket", "--keyFile", self.key_file]
        if name == "mongos":
            config = f"configserver/127.0.0.1:{self.ports['configserver']}"
            words = [sys.executable, mongos.__file__, "--configdb", config, *common]
        else:
            data = self.directory / name
            data.mkdir(exist_ok=True)
            words = [mongod_path(), "--dbpath", data, MEMBERS[name], "--replSet", name, *common]
            words += ["--wiredTigerCacheSizeGB", "0.25", "--setParameter", "enableTestCommands=1"]
        with (self.directory / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(list(map(str, words)), stdout=log, stderr=log)

    def up(self) -> None:
        for name in [*MEMBERS, "mongos"]:
            self.start(name)
        for name in MEMBERS:
            member = {"_id": 0, "host": f"127.0.0.1:{self.ports[name]}"}
            config = {"_id": name, "members": [member]}
            with self.internal(name) as client:
                client.admin.command("replSetInitiate", config)
        with self.internal() as client:
            client.admin.command("ping")
            assert wait_until(lambda: added(client, f"a/127.0.0.1:{self.ports['a']}"), LIMIT), self.log("mongos")
            assert wait_until(lambda: added(client, f"b/127.0.0.1:{self.ports['b']}"), LIMIT), self.log("mongos")
            client.admin.command("createUser", "mspass", pwd="word", roles=ROLES)

    def end(self) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait()

    def log(self, name: str) -> str:
        return (self.directory / f"{name}.log").read_text()

    def internal(self, name: str = "mongos") -> Client:
        """As the internal user, which is how the provider works."""
        return MongoClient(
            "127.0.0.1",
            self.ports[name],
            username="__system",
            password=self.key,
            authSource="local",
            authMechanism="SCRAM-SHA-256",
            directConnection=True,
        )

    def user(self) -> Client:
        return MongoClient(f"mongodb://mspass:word@127.0.0.1:{self.ports['mongos']}/?authSource=admin")


def added(client: Client, host: str) -> bool:
    """Add a shard, whose primary may not be elected yet."""
    with suppress(OperationFailure):
        client.admin.command("addShard", host)
        return True
    return False


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        cluster.up()
        yield cluster
    finally:
        cluster.end()


def filled(cluster: Cluster, db: str, count: int = 2500) -> None:
    """Fill a hashed collection `db.wf`."""
    with cluster.internal() as client:
        client.admin.command("shardCollection", f"{db}.wf", key={"_id": "hashed"})
    with cluster.user() as client:
        # On disk, so that a killed server still has them.
        wf = client[db].get_collection("wf", write_concern=WriteConcern("majority", j=True))
        wf.insert_many([{"_id": n, "group": n % 7, "path": {"tags": [n % 3, 3]}} for n in range(count)])


def inputs_of(cluster: Cluster, *shards: str) -> dict[str, Any]:
    """Of `ShardedCluster`."""
    place = {"address": "127.0.0.1", "stackDir": str(cluster.directory)}
    at = {name: {"here": place | {"port": port}} for name, port in cluster.ports.items()}
    return {
        "stack": "test",
        "connections": {"here": HERE},
        "config": at["configserver"],
        "shards": {name: at[name] for name in shards},
        "routers": at["mongos"],
        "collections": {},
        "users": {},
        "keyFile": cluster.key,
        "incarnations": [],
        "abandoned": [],
    }


def on_shard(cluster: Cluster, shard: str, db: str) -> int:
    with cluster.internal(shard) as client:
        return client[db]["wf"].count_documents({})


def test_documents_of_a_hashed_collection_spread_and_all_come_back(cluster: Cluster) -> None:
    filled(cluster, "spread")
    assert on_shard(cluster, "a", "spread") > 1000
    assert on_shard(cluster, "b", "spread") > 1000
    with cluster.user() as client:
        wf = client["spread"]["wf"]
        assert {each["_id"] for each in wf.find(batch_size=400)} == set(range(2500))
        assert [each["_id"] for each in wf.find({"group": 3}).sort("_id", -1).limit(2)] == [2495, 2488]
        assert wf.count_documents({}) == wf.estimated_document_count() == 2500
        assert sorted(wf.distinct("path.tags")) == [0, 1, 2, 3]
        sums = wf.aggregate([{"$group": {"_id": "$group", "n": {"$sum": 1}}}])
        assert sum(each["n"] for each in sums) == 2500


def test_ordinary_work_is_done(cluster: Cluster) -> None:
    filled(cluster, "work", 50)
    with cluster.user() as client:
        for wf in (client["work"]["wf"], client["work"]["unsharded"]):
            assert wf.update_one({"_id": 1000}, {"$set": {"group": 1}}, upsert=True).upserted_id == 1000
            changed = wf.find_one_and_update({"_id": 1000}, {"$inc": {"group": 1}}, return_document=True)
            assert changed and changed["group"] == 2
            assert wf.find_one_and_delete({"_id": 1000})
            assert wf.find_one({"_id": 1000}) is None
            assert wf.create_index("group") in wf.index_information()
        with pytest.raises(OperationFailure, match="E11000"):
            wf.insert_many([{"_id": 1}, {"_id": 1}])
        assert client["work"]["wf"].update_many({}, {"$set": {"seen": True}}).modified_count == 50
        assert client["work"]["wf"].delete_many({"group": 0}).deleted_count == 8
        assert set(client["work"].list_collection_names()) == {"wf", "unsharded"}
        wf.drop()
        assert client["work"].list_collection_names() == ["wf"]


def test_large_files_are_stored(cluster: Cluster) -> None:
    content = os.urandom(3_000_000)
    with cluster.user() as client:
        files = gridfs.GridFS(client["files"])
        assert files.get(files.put(content, filename="waves")).read() == content
        assert files.list() == ["waves"]


def test_nobody_is_served_without_credentials(cluster: Cluster) -> None:
    with Client("127.0.0.1", cluster.ports["mongos"]) as client:
        hello = client.admin.command("hello")
        assert (hello["msg"], hello["isWritablePrimary"]) == ("isdbgrid", True)
        with pytest.raises(OperationFailure, match="command find requires authentication"):
            client["a"]["b"].find_one()
        with pytest.raises(OperationFailure, match="command listShards requires authentication"):
            client.admin.command("listShards")
        with pytest.raises(OperationFailure, match="requires authentication"):
            client.admin.command("createUser", "other", pwd="x", roles=[])
    place = f"127.0.0.1:{cluster.ports['mongos']}/?authSource=admin"
    with (
        Client(f"mongodb://mspass:wrong@{place}") as client,
        pytest.raises(OperationFailure, match="Authentication fail"),
    ):
        client["a"]["b"].find_one()


@pytest.mark.parametrize(
    "command",
    [
        {"createUser": "other", "pwd": "x", "roles": []},
        {"shutdown": 1},
        {"addShard": "c/127.0.0.1:1"},
        {"removeShard": "a"},
        {"replSetStepDown": 1},
        {"balancerStop": 1},
    ],
    ids=lambda command: next(iter(command)),
)
def test_a_user_of_data_does_not_administer(cluster: Cluster, command: dict[str, Any]) -> None:
    with cluster.user() as client, pytest.raises(OperationFailure, match="not authorized on admin to execute command"):
        client.admin.command(command)


def test_a_collection_is_sharded_once(cluster: Cluster) -> None:
    with cluster.internal() as client:
        for _ in range(2):
            client.admin.command("shardCollection", "once.wf", key={"_id": "hashed"})
        with pytest.raises(OperationFailure) as refused:
            client.admin.command("shardCollection", "once.wf", key={"group": 1})
        assert refused.value.code == 23


def test_a_dropped_database_leaves_nothing(cluster: Cluster) -> None:
    filled(cluster, "gone", 20)
    with cluster.user() as client:
        client["gone"]["unsharded"].insert_one({})
        client.drop_database("gone")
        assert "gone" not in client.list_database_names()
    for name in ("a", "b"):
        with cluster.internal(name) as client:
            assert "gone" not in client.list_database_names()
    with cluster.internal() as client:
        assert not list(client["config"]["collections"].find({"_id": {"$regex": "^gone"}}))
        assert client["config"]["databases"].find_one({"_id": "gone"}) is None


@pytest.mark.parametrize("name", ["a", "b", "configserver"])
def test_a_killed_member_comes_back(cluster: Cluster, name: str) -> None:
    db = f"killed-{name}"
    filled(cluster, db, 50)
    with cluster.user() as client:
        assert client[db]["wf"].count_documents({}) == 50
        cluster.processes[name].send_signal(signal.SIGKILL)
        cluster.processes[name].wait()
        cluster.start(name)

        def works() -> bool:
            with suppress(PyMongoError):
                client[db]["wf"].replace_one({"_id": 50}, {"late": True}, upsert=True)
                return client[db]["wf"].count_documents({}) == 51
            return False

        assert wait_until(works, LIMIT), cluster.log("mongos")


def test_every_shard_has_a_part_of_the_documents_by_which_a_database_shows_that_it_can_be_read(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "CHUNKS", 4)

    def owners(client: Client) -> set[str]:
        own = client["config"]["collections"].find_one({"_id": readiness.NAMESPACE}) or {}
        return {chunk["shard"] for chunk in client["config"]["chunks"].find({"uuid": own["uuid"]})}

    with cluster.internal() as client:
        readiness.ensure(client, {"a", "b"})
        own = client["config"]["collections"].find_one({"_id": readiness.NAMESPACE}) or {}
        for chunk in list(client["config"]["chunks"].find({"uuid": own["uuid"], "shard": "b"})):
            bounds = [chunk["min"], chunk["max"]]
            # A config server that has just become primary moves nothing yet.
            move = partial(
                client.admin.command, "moveChunk", readiness.NAMESPACE, bounds=bounds, to="a", _waitForDelete=True
            )
            keep_trying(move, OperationFailure, LIMIT)
        assert owners(client) == {"a"}, "as when b has just come"
        readiness.ensure(client, {"a", "b"})
        assert owners(client) == {"a", "b"}
        assert readiness.unreadable(client) == ""
        cluster.processes["b"].send_signal(signal.SIGSTOP)
        try:
            assert readiness.unreadable(client).startswith("its documents cannot be read: ")
        finally:
            cluster.processes["b"].send_signal(signal.SIGCONT)
        assert wait_until(lambda: readiness.unreadable(client) == "", LIMIT)


def test_the_balancer_rests_and_goes_on_unless_its_owner_has_switched_it_off(cluster: Cluster) -> None:
    member = Member(LocalMachine(), "127.0.0.1", cluster.ports["configserver"])
    config = ReplicaSet("configserver", (member,), cluster.key)
    with cluster.internal() as router, config.primary() as primary:

        def mode() -> str:
            return str(router.admin.command("balancerStatus")["mode"])

        assert (mode(), balancer.is_resting(router)) == ("full", False)
        for _ in range(2):
            balancer.rest(config)
            assert (mode(), balancer.is_resting(router)) == ("off", True)
        balancer.wake(primary)
        assert (mode(), balancer.is_resting(router)) == ("full", False)
        router.admin.command("balancerStop")
        try:
            balancer.rest(config)
            balancer.wake(primary)
            assert (mode(), balancer.is_resting(router)) == ("off", False)
            balancer.rest(config)
            balancer.stop(primary)
            balancer.wake(primary)
            assert (mode(), balancer.is_resting(router)) == ("off", False)
        finally:
            router.admin.command("balancerStart")


def test_the_double_ends_at_once_and_waits_for_the_config_server(cluster: Cluster) -> None:
    double = cluster.processes["mongos"]
    double.terminate()
    assert double.wait(20) == 0
    cluster.processes["configserver"].kill()
    cluster.processes["configserver"].wait()
    cluster.start("mongos")
    early = Client("127.0.0.1", cluster.ports["mongos"], serverSelectionTimeoutMS=1500)
    with early as client, pytest.raises(PyMongoError):
        client.admin.command("ping")
    cluster.start("configserver")
    assert wait_until(lambda: cluster.log("mongos").count("Waiting for connections") == 2, LIMIT)
    with cluster.internal() as client:
        client.admin.command("ping")


def test_a_shard_that_is_up_and_cannot_be_read_fails_the_next_up_with_what_to_do(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As shards of config servers that came up once without their disk, when it is back: they wait for other times."""
    monkeypatch.setattr(users, "READY_TIMEOUT", 1)
    sharded, inputs = RESOURCES["ShardedCluster"], inputs_of(cluster, "a", "b")
    _, outputs = sharded.create(Call("", inputs))
    call = Call("sharded-cluster", inputs, outputs=outputs, old_inputs=inputs)

    def read_again() -> list[str]:
        return sharded.diff(replace(call, outputs=sharded.read(call)))

    with cluster.internal("a") as shard:

        def fail(mode: str) -> None:
            data = {"failCommands": ["find"], "namespace": readiness.NAMESPACE, "failInternalCommands": True}
            shard.admin.command("configureFailPoint", "failCommand", mode=mode, data={**data, "errorCode": 50})

        fail("alwaysOn")
        assert read_again() == ["shards"]
        with pytest.raises(InitFailed, match=r"its documents cannot be read: .* pulumi destroy, .* and pulumi up"):
            sharded.update(call)
        cluster.processes["b"].send_signal(signal.SIGSTOP)
        try:
            assert read_again() == [], "it may be worked on without whoever is down"
        finally:
            cluster.processes["b"].send_signal(signal.SIGCONT)
        fail("off")
    assert sharded.diff(replace(call, outputs=sharded.update(call))) == read_again() == []
    with cluster.internal("a") as shard:
        ready = shard[readiness.DATABASE].get_collection(readiness.COLLECTION, write_concern=WriteConcern("majority"))
        kept = list(ready.find())
        assert ready.delete_many({}).deleted_count == len(kept) > 0
        assert read_again() == ["shards"]
        with pytest.raises(InitFailed, match=r"a shard has lost its data. Bring back its disk"):
            sharded.update(call)
        ready.insert_many(kept)
    assert read_again() == []


def test_a_removed_shard_drains_and_all_documents_stay(cluster: Cluster) -> None:
    filled(cluster, "drained", 500)
    with cluster.internal() as client, cluster.user() as user:
        client.admin.command("enableSharding", "other", primaryShard="b")
        for db in ("drained", "other"):
            user[db]["unsharded"].insert_one({"_id": 1})

        def drained() -> bool:
            output = client.admin.command("removeShard", "b")
            for db in output.get("dbsToMove", []):
                client.admin.command("movePrimary", db, to="a")
            return output["state"] == "completed"

        assert wait_until(drained, 150, 1.0)
        assert [shard["_id"] for shard in client.admin.command("listShards")["shards"]] == ["a"]
        for db in ("drained", "other"):
            assert user[db]["unsharded"].count_documents({}) == 1
        assert user["drained"]["wf"].count_documents({}) == 500
    assert on_shard(cluster, "a", "drained") == 500


def test_an_empty_disk_in_the_place_of_a_shards_is_refused_and_what_is_known_stays_known(cluster: Cluster) -> None:
    cluster.processes["a"].kill()
    cluster.processes["a"].wait()
    (cluster.directory / "a").rename(cluster.directory / "lost")
    cluster.start("a")
    call = Call("sharded-cluster", inputs_of(cluster, "a"))
    with pytest.raises(
        InitFailed, match=r"database\.shards\.a: the data of this shard are not on 127\.0\.0\.1:"
    ) as failed:
        RESOURCES["ShardedCluster"].create(call)
    again = replace(call, outputs=failed.value.outputs, old_inputs=call.inputs)
    assert RESOURCES["ShardedCluster"].diff(again) == ["shards"], "the next up tries again"


def test_flags_are_those_of_the_genuine_one() -> None:
    def ran(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([sys.executable, mongos.__file__, *words], capture_output=True, text=True)

    assert ran("--version").stdout.splitlines()[0] == "mongos version v6.0.5"
    assert ran("--configdb", "configserver/127.0.0.1:1", "--nonsense").returncode == 2
    assert ran("--port", "1").returncode == 2
