"""Users of a real mongod, on data of any origin."""

from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from mspass_stack.machines.local import LocalMachine
from mspass_stack.mongo.client import internal
from mspass_stack.polling import wait_until
from mspass_stack.provider.probes import probe
from mspass_stack.provider.resources.secret import FORMS
from mspass_stack.provider.server.registry import RESOURCES
from mspass_stack.spec.probe import Probe
from tests.harness.ports import free_ports
from tests.provider.conftest import HERE, Host

USERS = RESOURCES["DatabaseUsers"]
ROLES = ["readWriteAnyDatabase", "dbAdminAnyDatabase"]


class Server:
    """A mongod under supervision, with a key file, and the inputs of its `DatabaseUsers`."""

    def __init__(self, host: Host) -> None:
        self.host, self.port = host, free_ports(1)[0]
        self.key_file = host.stack_dir / "keyfile"
        (host.stack_dir / "db").mkdir()
        self.start()

    def start(self) -> None:
        """Start, or start again with a new key."""
        self.key_file.unlink(missing_ok=True)
        self.key_file.touch(mode=0o600)
        self.key_file.write_text(FORMS["keyfile"]())
        stack_dir = self.host.stack_dir
        words = ["--dbpath", stack_dir / "db", "--port", self.port, "--bind_ip", "127.0.0.1", "--nounixsocket"]
        self.process = self.host.process("mongod", "mongod", *map(str, [*words, "--keyFile", self.key_file]))
        self.host.ensure(self.process)
        ready = Probe(kind="mongo", address="127.0.0.1", port=self.port)
        assert wait_until(lambda: probe(ready, LocalMachine()) is None, 60), self.host.log("mongod")

    def stop(self) -> None:
        RESOURCES["HostProcess"].delete(self.host.call(self.process))

    def users(self, **passwords: str) -> dict[str, Any]:
        return {
            "connection": HERE,
            "address": "127.0.0.1",
            "port": self.port,
            "keyFile": self.key_file.read_text(),
            "users": {name: {"password": password, "roles": ROLES} for name, password in passwords.items()},
            "stackDir": str(self.host.stack_dir),
            "incarnation": "",
        }

    def client(self, user: str, password: str) -> MongoClient[dict[str, Any]]:
        place = f"127.0.0.1:{self.port}/?authSource=admin"
        return MongoClient(f"mongodb://{user}:{password}@{place}", serverSelectionTimeoutMS=5000)


@pytest.fixture
def server(host: Host) -> Server:
    return Server(host)


def test_a_user_reads_and_writes_and_nobody_else_does(server: Server) -> None:
    USERS.create(server.host.call(server.users(mspass="first")))
    with server.client("mspass", "first") as client:
        client["a"]["b"].insert_one({"n": 1})
        assert client["a"]["b"].count_documents({}) == 1
        with pytest.raises(OperationFailure, match="not authorized"):
            client.admin.command("createUser", "other", pwd="x", roles=[])
    with server.client("mspass", "wrong") as client, pytest.raises(OperationFailure, match="Authentication failed"):
        client["a"]["b"].find_one()
    with (
        MongoClient[dict[str, Any]]("127.0.0.1", server.port) as client,
        pytest.raises(OperationFailure, match="requires auth"),
    ):
        client["a"]["b"].find_one()


def test_old_data_open_with_a_new_key_and_a_new_password(server: Server) -> None:
    USERS.create(server.host.call(server.users(mspass="first")))
    with server.client("mspass", "first") as client:
        client["a"]["b"].insert_one({"n": 1})
    server.stop()
    server.start()
    USERS.create(server.host.call(server.users(mspass="second")))
    with server.client("mspass", "second") as client:
        assert client["a"]["b"].count_documents({}) == 1
    with server.client("mspass", "first") as client, pytest.raises(OperationFailure, match="Authentication failed"):
        client["a"]["b"].find_one()


def test_a_user_that_is_no_longer_declared_is_removed(server: Server) -> None:
    before = server.host.call(server.users(mspass="first", guest="second"))
    outputs = USERS.create(before)[1]
    USERS.update(server.host.call(server.users(mspass="first"), outputs=outputs, old_inputs=before.inputs))
    found = USERS.read(server.host.call(server.users(mspass="first")))
    assert found
    assert set(found["present"]) == {"mspass"}


def test_a_dropped_user_is_seen_and_ensured_again(server: Server) -> None:
    inputs = server.users(mspass="first")
    created = server.host.call(inputs)
    USERS.create(created)
    USERS.update(server.host.call(server.users(), old_inputs=created.inputs))
    found = USERS.read(created)
    assert found == {"present": {}}
    call = server.host.call(inputs, outputs=found, old_inputs=created.inputs)
    assert USERS.diff(call) == ["users"]
    assert set(USERS.update(call)["present"]) == {"mspass"}


@pytest.mark.parametrize("change", [{"roles": []}, {"roles": ["root"]}, {"pwd": "another"}], ids=str)
def test_a_user_whom_somebody_changed_is_seen_and_ensured_again(server: Server, change: dict[str, Any]) -> None:
    inputs = server.users(mspass="first")
    created = server.host.call(inputs)
    outputs = USERS.create(created)[1]
    assert USERS.diff(server.host.call(inputs, outputs=outputs, old_inputs=created.inputs)) == []
    with internal(LocalMachine(), "127.0.0.1", server.port, server.key_file.read_text(), "") as client:
        client.admin.command("updateUser", "mspass", **change)
    found = USERS.read(server.host.call(inputs, outputs=outputs))
    assert found
    call = server.host.call(inputs, outputs=found, old_inputs=created.inputs)
    assert USERS.diff(call) == ["users"]
    assert USERS.update(call) == outputs
    with server.client("mspass", "first") as client:
        client["a"]["b"].insert_one({})


def test_an_unreachable_server_keeps_the_last_known_state_with_a_warning(server: Server) -> None:
    inputs = server.users(mspass="first")
    outputs = USERS.create(server.host.call(inputs))[1]
    server.stop()
    assert USERS.read(server.host.call(inputs, outputs=outputs)) == outputs
    assert "is unreachable" in server.host.output[-1]
    USERS.delete(server.host.call(inputs, outputs=outputs))
