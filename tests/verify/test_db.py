"""The database serves its user, and nobody else."""

import secrets
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from mspass_stack.inventory import Entry
from tests.verify.deployed import PATIENCE, Deployed

FORBIDDEN: list[dict[str, Any]] = [{"createUser": "x", "pwd": "x", "roles": []}, {"shutdown": 1}]
COMMANDS: list[dict[str, Any]] = [{"find": "wf"}, {"insert": "wf", "documents": [{}]}]


def test_its_user_writes_and_reads(process: Entry, deployed: Deployed) -> None:
    with deployed.database() as client:
        assert client.address is None or client.address[1] in process.ports
        own = f"verify_{secrets.token_hex(4)}"
        try:
            client[own]["a"].insert_one({"n": 1})
            client[own]["a"].create_index("n")
            assert [found["n"] for found in client[own]["a"].find({"n": 1})] == [1]
        finally:
            client.drop_database(own)


def test_its_user_may_not_administer_it(process: Entry, deployed: Deployed) -> None:
    with deployed.database() as client:
        for command in FORBIDDEN:
            with pytest.raises(OperationFailure, match="not authorized"):
                client.admin.command(command)


@pytest.mark.parametrize("who", ["", "mspass:wrong@", "nobody:wrong@"], ids=["nobody", "wrong-password", "wrong-user"])
@pytest.mark.parametrize("command", COMMANDS, ids=["read", "write"])
def test_without_the_right_credentials_it_serves_nothing(process: Entry, who: str, command: dict[str, Any]) -> None:
    uri = f"mongodb://{who}{process.address}:{process.ports[0]}/?authSource=admin"
    with (
        MongoClient[dict[str, Any]](uri, serverSelectionTimeoutMS=PATIENCE * 1000) as client,
        pytest.raises(PyMongoError, match=r"requires auth|Authentication failed"),
    ):
        client["mspass"].command(command)
