"""Where MongoDB speaks TLS, it speaks nothing else, and nobody takes a stranger for one of its own."""

from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from mspass_stack.spec.inventory import Entry
from tests.verify.deployed import PATIENCE, Deployed
from tests.verify.strangers import foreign_files

SWITCHES = ("tlsInsecure", "tlsAllowInvalidCertificates", "tlsAllowInvalidHostnames")
"""A client's options that let a stranger in."""


def test_it_hangs_up_on_whoever_speaks_in_clear(process: Entry, deployed: Deployed) -> None:
    address, port = deployed.place(process, process.ports[0])
    with deployed.mongo(process) as client:
        assert client.admin.command("hello")
    options: dict[str, Any] = {"directConnection": True, "serverSelectionTimeoutMS": PATIENCE * 1000}
    # MongoDB's own words: to a request of HTTP it gives the same friendly answer in any mode.
    with (
        MongoClient[dict[str, Any]](address, port, **options) as client,
        pytest.raises(PyMongoError, match=r"closed|reset"),
    ):
        client.admin.command("hello")


def test_it_refuses_a_client_with_a_certificate_of_somebody_else(
    process: Entry, deployed: Deployed, tmp_path: Path
) -> None:
    _, certificate = foreign_files(tmp_path)
    with deployed.mongo(process) as client:
        assert client.admin.command("hello")
    with deployed.mongo(process, tlsCertificateKeyFile=str(certificate)) as client, pytest.raises(PyMongoError):
        client.admin.command("hello")


def test_the_users_address_checks_who_answers(deployed: Deployed, tmp_path: Path) -> None:
    uri = str(deployed.outputs["databaseUri"])
    assert "tls=true&tlsCAFile=" in uri
    assert not [word for word in SWITCHES if word.lower() in uri.lower()]
    with MongoClient[dict[str, int]](uri) as client:
        assert client.admin.command("ping")
    authority, _ = foreign_files(tmp_path)
    options: dict[str, Any] = {"tlsCAFile": str(authority), "serverSelectionTimeoutMS": PATIENCE * 1000}
    with (
        MongoClient[dict[str, int]](uri, **options) as client,
        pytest.raises(PyMongoError, match="certificate verify failed"),
    ):
        client.admin.command("ping")
