"""In a lab, every port that others can reach wants credentials; what listens is looked up, not taken from the plan."""

import httpx
import pytest
from pymongo.errors import OperationFailure

from mspass_stack.spec.inventory import Entry
from mspass_stack.verify.deployed import ANSWER, Deployed
from mspass_stack.verify.inspector import ProcessInspector
from mspass_stack.verify.strangers import can_connect, without_certificate, without_secret, without_tls


def test_every_port_that_is_open_to_others_refuses_a_stranger(
    process: Entry, inspector: ProcessInspector, deployed: Deployed
) -> None:
    open_to_others = {port for address, port in inspector.listening() if not address.startswith("127.")}
    # What is not seen to listen would not be asked: declared ports, and one of each Dask worker.
    assert set(process.ports) - deployed.own_pages(process) <= open_to_others
    assert process.kind != "worker" or len(open_to_others) >= process.workers
    for port in open_to_others:
        address, number = deployed.place(process, port)
        match process.role:
            case "db" | "dbmanager" | "shard":
                assert port == process.ports[0]
                with deployed.mongo(process) as client, pytest.raises(OperationFailure, match="requires auth"):
                    client["mspass"]["wf"].find_one()
            case "scheduler" | "worker" if process.kind.startswith("spark"):
                assert without_secret(address, number) == ""
            case "scheduler" | "worker" if "dask" not in deployed.inventory.encrypted:
                deployed.notes.append(f"{process.name}: takes everybody at port {port}, as encryption: false has it")
            case "scheduler" | "worker":
                assert without_certificate(address, number) == ""
                assert without_tls(address, number) == ""
            case _:
                assert without_tls(address, number) == ""
                url = f"{deployed.pages(process)}/api/contents"
                assert httpx.get(url, trust_env=False, timeout=ANSWER, verify=deployed.trust).status_code == 403


def test_pages_that_others_must_not_read_stay_inside_their_host(
    process: Entry, inspector: ProcessInspector, deployed: Deployed
) -> None:
    for port in deployed.own_pages(process):
        assert {address for address, other in inspector.listening() if other == port} == {"127.0.0.1"}
        connection = deployed.inventory.connection(process)
        assert not (connection.remote and can_connect(connection.address, port))
