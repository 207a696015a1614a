"""Where MongoDB speaks TLS, it speaks nothing else, and nobody takes a stranger for one of its own."""

import re
from pathlib import Path

from mspass_stack.mongo.client import tls_options
from mspass_stack.spec.inventory import Entry
from mspass_stack.verify.deployed import Deployed
from mspass_stack.verify.strangers import foreign_files, refusal

SWITCHES = ("tlsInsecure", "tlsAllowInvalidCertificates", "tlsAllowInvalidHostnames")
"""A client's options that let a stranger in."""


def test_it_hangs_up_on_whoever_speaks_in_clear(process: Entry, deployed: Deployed) -> None:
    address, port = deployed.place(process, process.ports[0])
    with deployed.mongo(process) as client:
        assert client.admin.command("hello")
    # MongoDB's own words: to a request of HTTP it gives the same friendly answer in any mode.
    assert re.search("closed|reset", refusal(address, port, directConnection=True))


def test_it_refuses_a_client_with_a_certificate_of_somebody_else(
    process: Entry, deployed: Deployed, tmp_path: Path
) -> None:
    address, port = deployed.place(process, process.ports[0])
    _, certificate = foreign_files(tmp_path)
    with deployed.mongo(process) as client:
        assert client.admin.command("hello")
    with tls_options(deployed.inventory.authority) as tls:
        assert refusal(address, port, directConnection=True, **tls, tlsCertificateKeyFile=str(certificate))


def test_the_users_address_checks_who_answers(deployed: Deployed, tmp_path: Path) -> None:
    uri = str(deployed.outputs["databaseUri"])
    assert "tls=true&tlsCAFile=" in uri
    assert not [word for word in SWITCHES if word.lower() in uri.lower()]
    authority, _ = foreign_files(tmp_path)
    entrance = deployed.inventory.database_endpoint
    if deployed.inventory.connection(entrance).job:
        # Its names lead nowhere from here; the certificate is also one of the way there.
        address, port = deployed.place(entrance, entrance.ports[0])
        with tls_options(deployed.inventory.authority) as tls:
            assert not refusal(address, port, directConnection=True, **tls)
            foreign = {**tls, "tlsCAFile": str(authority)}
            assert "certificate verify failed" in refusal(address, port, directConnection=True, **foreign)
        return
    assert not refusal(uri)
    assert "certificate verify failed" in refusal(uri, tlsCAFile=str(authority))
