"""The database, by each of its entrances, serves its user, and lets them do no more than their work."""

import secrets
from typing import Any

import pytest
from pymongo.errors import OperationFailure

from mspass_stack.spec.inventory import Entry
from mspass_stack.verify.deployed import Deployed

FORBIDDEN: list[dict[str, Any]] = [{"createUser": "x", "pwd": "x", "roles": []}, {"shutdown": 1}]


def test_its_user_writes_and_reads(process: Entry, deployed: Deployed) -> None:
    database_endpoint = deployed.inventory.database_endpoint
    assert f"{database_endpoint.address}:{database_endpoint.ports[0]}/" in deployed.outputs["databaseUri"]
    with deployed.database(process) as client:
        own = f"verify_{secrets.token_hex(4)}"
        try:
            client[own]["a"].insert_one({"n": 1})
            client[own]["a"].create_index("n")
            assert [found["n"] for found in client[own]["a"].find({"n": 1})] == [1]
        finally:
            client.drop_database(own)


def test_its_user_may_not_administer_it(process: Entry, deployed: Deployed) -> None:
    with deployed.database(process) as client:
        for command in FORBIDDEN:
            with pytest.raises(OperationFailure, match="not authorized"):
                client.admin.command(command)
