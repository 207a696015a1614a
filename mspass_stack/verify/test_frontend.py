"""Jupyter serves who has the token, from the workdir, and its kernels find the cluster."""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from mspass_stack.spec.inventory import Entry
from mspass_stack.verify.deployed import Deployed
from mspass_stack.verify.inspector import ProcessInspector
from mspass_stack.verify.kernel import SECONDS, kernel

PROGRAM = Path(__file__).parent / "inside" / "kernel.py"


@pytest.fixture
def address(deployed: Deployed) -> str:
    """Jupyter's address from here, without the token."""
    (entry,) = deployed.inventory.serving("frontend")
    return deployed.pages(entry)


@pytest.fixture
def session(deployed: Deployed, address: str) -> Iterator[httpx.Client]:
    (token,) = parse_qs(urlsplit(str(deployed.outputs["jupyterUrl"])).query)["token"]
    headers = {"Authorization": f"token {token}"}
    with httpx.Client(
        base_url=address, headers=headers, trust_env=False, timeout=SECONDS, verify=deployed.trust
    ) as session:
        yield session


def test_its_address_opens_as_printed(process: Entry, deployed: Deployed, address: str) -> None:
    printed = str(deployed.outputs["jupyterUrl"])
    assert printed.startswith(f"{process.endpoint}/")
    url = printed.replace(process.endpoint, address)
    opened = httpx.get(url, trust_env=False, timeout=SECONDS, follow_redirects=True, verify=deployed.trust)
    assert opened.is_success
    assert "/login" not in str(opened.url)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "token wrong"}], ids=["no-token", "wrong-token"])
@pytest.mark.parametrize("path", ["contents", "kernels", "terminals", "sessions"])
def test_its_api_refuses_everybody_else(
    process: Entry, deployed: Deployed, address: str, path: str, headers: dict[str, str]
) -> None:
    url, trust = f"{address}/api/{path}", deployed.trust
    assert httpx.get(url, headers=headers, trust_env=False, timeout=SECONDS, verify=trust).status_code == 403


def test_its_root_is_the_workdir(
    process: Entry, inspector: ProcessInspector, session: httpx.Client, deployed: Deployed
) -> None:
    listed = {entry["name"] for entry in session.get("/api/contents").raise_for_status().json()["content"]}
    there: list[str] = inspector.machine.file(deployed.inventory.hosts[process.host].workdir).listdir()
    assert listed == {name for name in there if not name.startswith((".", "__pycache__"))}


def test_a_kernel_finds_the_cluster_by_its_environment(
    process: Entry, session: httpx.Client, deployed: Deployed, request: pytest.FixtureRequest
) -> None:
    with kernel(session, deployed.trust) as started:
        found = json.loads(started.run(PROGRAM.read_text()))
    assert found["directory"] == deployed.inventory.hosts[process.host].workdir
    if "databaseUri" in deployed.outputs:
        assert found["database"]
    if schedulers := deployed.inventory.with_role("scheduler"):
        assert found["scheduler"].rpartition(":")[2] == schedulers[0].endpoint.rpartition(":")[2]
        assert found["answer"] == sum([1, 2, 3])
    if [one for one in schedulers if one.kind == "scheduler"]:
        # What a kernel sends must be understood at the other end.
        versions = request.getfixturevalue("pool").versions
        assert {name: [version] for name, version in found["versions"].items()} == versions
    if "mspass" not in found:
        deployed.notes.append(f"MsPASS's own Client on {process.name}: not run: no mspasspy")
    else:
        assert found["mspass"] == found["answer"]
