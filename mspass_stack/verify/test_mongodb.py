"""Every process of MongoDB refuses whom it does not know, and runs the same release."""

from typing import Any

import pytest
from pymongo.errors import PyMongoError

from mspass_stack.spec.inventory import Entry
from mspass_stack.verify.deployed import Deployed

COMMANDS: list[dict[str, Any]] = [{"find": "wf"}, {"insert": "wf", "documents": [{}]}]
STRANGERS: dict[str, dict[str, Any]] = {
    "nobody": {},
    "wrong-password": {"username": "mspass", "password": "wrong", "authSource": "admin"},
    "wrong-user": {"username": "nobody", "password": "wrong", "authSource": "admin"},
}


@pytest.mark.parametrize("who", STRANGERS)
@pytest.mark.parametrize("command", COMMANDS, ids=["read", "write"])
def test_without_the_right_credentials_it_serves_nothing(
    process: Entry, deployed: Deployed, who: str, command: dict[str, Any]
) -> None:
    with (
        deployed.mongo(process, **STRANGERS[who]) as client,
        pytest.raises(PyMongoError, match=r"requires auth|Authentication failed"),
    ):
        client["mspass"].command(command)


def test_it_is_of_the_same_release_as_all_others(process: Entry, deployed: Deployed) -> None:
    with deployed.mongo(process) as client:
        own = client.server_info()["version"]
    with deployed.mongo(deployed.inventory.database_endpoint) as client:
        assert own == client.server_info()["version"]
