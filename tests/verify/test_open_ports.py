"""In a lab, every port that others can reach wants credentials; what listens is looked up, not taken from the plan."""

import socket
import ssl

import httpx
import pytest
from pymongo.errors import OperationFailure

from mspass_stack.inventory import Entry
from tests.verify.deployed import PATIENCE, Deployed
from tests.verify.sight import Sight


def test_every_port_that_is_open_to_others_refuses_a_stranger(process: Entry, sight: Sight, deployed: Deployed) -> None:
    open_to_others = {port for address, port in sight.listening() if not address.startswith("127.")}
    pages = deployed.inventory.playing("scheduler")
    assert open_to_others or process not in pages
    for port in open_to_others:
        match process.role:
            case "db" | "dbmanager" | "shard":
                assert port == process.ports[0]
                with deployed.mongo(process) as client, pytest.raises(OperationFailure, match="requires auth"):
                    client["mspass"]["wf"].find_one()
            case "scheduler" | "worker":
                assert _refuses_without_certificate(*deployed.place(process, port))
            case _:
                address, number = deployed.place(process, port)
                answer = httpx.get(f"http://{address}:{number}/api/contents", timeout=PATIENCE * 5)
                assert answer.status_code == 403


def _refuses_without_certificate(address: str, port: int) -> bool:
    """Whether a TLS client that has no certificate is sent away."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((address, port), PATIENCE) as plain,
            context.wrap_socket(plain) as encrypted,
        ):
            encrypted.settimeout(PATIENCE)
            return encrypted.recv(1) == b""
    except TimeoutError:
        return False
    except (ssl.SSLError, ConnectionError):
        return True
