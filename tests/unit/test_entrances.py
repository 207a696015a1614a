"""Where users come in, by the outputs and the inventory of a stack."""

from pathlib import Path
from typing import Any

import pytest

from mspass_stack import Inventory, make_plan, read_cluster
from mspass_stack.cli.entrances import Entrance, pages, ports
from mspass_stack.roles.registry import role_of
from mspass_stack.spec.inventory import Entry, Place

OUTPUTS = {
    "jupyterUrl": "http://127.0.0.1:8888/lab?token=t",
    "dashboardUrl": "http://127.0.0.1:8787/status",
    "databaseUri": "mongodb://u:p@10.0.0.2:27017/",
    "schedulerAddress": "tls://10.0.0.1:8786",
}
LAB: dict[str, Any] = {"head": {"address": "10.0.0.1", "ssh": {}}, "n1": {"address": "10.0.0.2", "ssh": {}}}
DESKTOP: dict[str, Any] = {"here": {}}
THIS_ONE: dict[str, Any] = {"here": {"address": "10.0.0.3"}}


def _inventory(hosts: dict[str, Any], **sections: Any) -> Inventory:
    paths = {"workdir": "/w", "datadir": "/d"}
    plan = make_plan(read_cluster({**paths, "hosts": hosts, **sections}), "s", {}, Path("/project"), "/py/bin/python")
    entries: list[Entry] = []
    for process in plan.topology.processes:
        known: dict[str, Any] = dict.fromkeys(("runtime", "incarnation", "log", "image"), "")
        known |= {name: getattr(process, name) for name in ("name", "kind", "role", "host", "address", "endpoint")}
        known |= {"serves": role_of(process).serves, "replica_set": "", "workers": 0, "threads": 0, "memory": 0}
        entries.append(Entry(**known, ports=list(process.ports.values()), spec=plan.render(process)))
    places = {
        name: Place(connection=host.connection, user="1:1", stack_dir="/d", workdir="/w")
        for name, host in plan.topology.hosts.items()
    }
    return Inventory(stack="s", stack_id="1", hosts=places, encrypted=[], collections={}, processes=entries)


def _cluster(head: str, other: str, **frontend: str) -> dict[str, Any]:
    pool = {"host": head, "workers": {head: {"processes": 1}}}
    return {"database": {"db": other}, "pool": pool, "frontend": {"host": head, **frontend}}


def _told(entrance: Entrance) -> tuple[str, str, str, int, bool]:
    return entrance.label, entrance.connection.host, entrance.address, entrance.port, entrance.inside


def test_a_labs_pages_are_inside_their_host_and_its_ports_are_where_everybody_knows_them() -> None:
    inventory = _inventory(LAB, **_cluster("head", "n1"))
    assert [_told(one) for one in pages(OUTPUTS, inventory)] == [
        ("Jupyter", "head", "127.0.0.1", 8888, True),
        ("Dask's pages", "head", "127.0.0.1", 8787, True),
    ]
    assert [_told(one) for one in ports(OUTPUTS, inventory)] == [
        ("Database", "n1", "10.0.0.2", 27017, False),
        ("Scheduler", "head", "10.0.0.1", 8786, False),
    ]


def test_jupyter_for_everybody_is_not_inside() -> None:
    inventory = _inventory(LAB, **_cluster("head", "n1", expose="tls"))
    assert [one.inside for one in pages(OUTPUTS, inventory)] == [False, True]


@pytest.mark.parametrize("hosts", [DESKTOP, LAB | THIS_ONE], ids=["desktop", "lab"])
def test_pages_of_this_machine_are_not_inside_another(hosts: dict[str, Any]) -> None:
    inventory = _inventory(hosts, **_cluster("here", next(iter(hosts))))
    assert [one.inside for one in pages(OUTPUTS, inventory)] == [False, False]
    found = next(pages(OUTPUTS, inventory))
    assert found.open() == OUTPUTS["jupyterUrl"]


def test_a_stack_has_the_entrances_of_its_roles_alone() -> None:
    inventory = _inventory(LAB, database={"db": "n1"})
    assert list(pages(OUTPUTS, inventory)) == []
    assert [one.label for one in ports(OUTPUTS, inventory)] == ["Database"]
