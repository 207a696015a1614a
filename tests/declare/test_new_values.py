"""A role, a runtime and a site that no file of the project knows, declared like all others."""

from pathlib import Path
from typing import Any

import pulumi
import pytest
from mocked_engine import MARK, Run, opened, run

from mspass_stack import Inventory, VirtualCluster, make_plan, read_cluster
from tests.unit import toys


@pytest.fixture
def declared(monkeypatch: pytest.MonkeyPatch) -> Run:
    toys.register(monkeypatch)

    def program() -> None:
        plan = make_plan(read_cluster(toys.CLUSTER), pulumi.get_stack(), {}, Path("/project"), "/py/bin/python")
        for name, value in VirtualCluster("mspass", plan).outputs.items():
            pulumi.export(name, value)

    result = run(program, "prod")
    assert not result.error
    return result


def _process(declared: Run, name: str) -> dict[str, Any]:
    return declared.running[name].inputs["process"]


def test_a_new_role_is_declared_with_its_readiness_check_secret_and_files(declared: Run) -> None:
    exporter = declared.running["exporter-shelf@shelf"]
    assert {"files@shelf", "mongod@box", "scheduler@box"} <= exporter.after
    assert declared.of("Ready")["ready-exporter-shelf@shelf"].inputs["process"]["probe"]["path"] == "/figures"
    assert "exporter-token" in declared.of("Secret")
    files = opened(declared.of("HostFiles")["files@shelf"].inputs["files"])
    assert files["/toys/prod/secrets/exporter-token"] == f"{MARK}exporter-token"
    assert "/toys/prod/secrets/exporter-token" not in opened(declared.of("HostFiles")["files@box"].inputs["files"])


def test_a_new_role_is_stopped_in_its_order(declared: Run) -> None:
    assert "exporter-shelf@shelf" in declared.running["worker-shelf@shelf"].after


def test_what_a_new_role_needs_is_looked_for_before_anything_is_touched(declared: Run) -> None:
    shelf = declared.of("Preflight")["preflight"].inputs["hosts"]["shelf"]
    assert "exporter" in shelf["programs"]
    assert shelf["ports"]["9100"] == {"path": "mspass:cluster.pool.workers.shelf", "process": "exporter-shelf"}


def test_a_new_runtime_wraps_every_process(declared: Run) -> None:
    assert set(declared.running) == {"mongod@box", "scheduler@box", "worker-shelf@shelf", "exporter-shelf@shelf"}
    for name in declared.running:
        assert _process(declared, name)["argv"][:3] == ["nice", "-n", "19"]


def test_a_new_site_says_where_everything_is(declared: Run) -> None:
    assert declared.outputs["schedulerAddress"] == "tcp://box.toys.example.org:8786"
    assert "@box.toys.example.org:27017/" in opened(declared.outputs["databaseUri"])
    connection = declared.running["exporter-shelf@shelf"].inputs["connection"]
    assert (connection["address"], connection["user"]) == ("shelf.toys.example.org", "toy")
    assert set(declared.of("Certificate")) == {"certificate@shelf", "client-certificate"}


def test_the_inventory_lists_what_is_new(declared: Run) -> None:
    inventory = Inventory.model_validate(declared.outputs["inventory"])
    (entry,) = inventory.serving("figures")
    assert (entry.kind, entry.runtime, entry.endpoint) == (
        "exporter",
        "polite",
        "https://shelf.toys.example.org:9100",
    )
    assert entry.incarnation == "run of ready-exporter-shelf@shelf"
    assert sorted(inventory.names) == ["exporter-shelf", "mongod", "scheduler", "worker-shelf"]
