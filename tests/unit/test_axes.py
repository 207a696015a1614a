"""A value more on an axis is one object and one entry of its registry: it is planned and rendered like all others."""

from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from mspass_stack import sites
from mspass_stack.config.load import read_cluster
from mspass_stack.errors import ConfigError
from mspass_stack.plan import Plan, check, make_plan
from mspass_stack.roles.registry import client_env
from mspass_stack.sites import site_of
from tests.unit import toys


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    toys.register(monkeypatch)


def _plan(**changes: Any) -> Plan:
    return make_plan(read_cluster({**toys.CLUSTER, **changes}), "prod", {}, Path("/project"), "/py/bin/python")


def test_a_new_role_is_placed_in_its_order_and_stopped_in_the_opposite_one() -> None:
    processes = {process.name: process for process in _plan().topology.processes}
    assert list(processes) == ["mongod", "scheduler", "exporter-shelf", "worker-shelf"]
    assert processes["exporter-shelf"].after == ("mongod", "scheduler")
    assert processes["worker-shelf"].after == ("mongod", "scheduler", "exporter-shelf")


def test_the_ports_of_a_new_role_are_judged_with_all_others() -> None:
    with pytest.raises(ConfigError) as refused:
        _plan(frontend={"host": "shelf", "port": toys.PORT})
    assert str(refused.value) == (
        f"mspass:cluster: port {toys.PORT} twice on host 'shelf': pool.workers.shelf and frontend.port"
    )


def test_clients_find_what_a_new_role_serves() -> None:
    env_file = client_env(_plan().topology, {"mongodb-password": "secret"}, PurePosixPath("/toys/ca.pem"))
    assert "FIGURES='https://shelf.toys.example.org:9100'" in env_file.splitlines()


def test_a_new_runtime_wraps_every_role() -> None:
    plan = _plan()
    rendered = {process.name: plan.render(process) for process in plan.topology.processes}
    for process in plan.topology.processes:
        assert rendered[process.name].argv == ("nice", "-n", "19", *plan.command(process).argv)
    assert rendered["scheduler"].argv[3] == "polite-python"


def test_a_new_runtime_is_taken_beside_another_one_and_named_among_those_that_are_known() -> None:
    hosts = {**toys.HOSTS, "box": {**toys.HOSTS["box"], "runtime": "native"}}
    plan = _plan(hosts=hosts)
    argv = {process.name: plan.render(process).argv[0] for process in plan.topology.processes}
    assert argv == {"mongod": "mongod", "scheduler": "python3", "exporter-shelf": "nice", "worker-shelf": "nice"}
    with pytest.raises(ConfigError, match="'rude': expected 'native' or 'docker' or 'apptainer' or 'polite'"):
        _plan(runtime="rude")


def test_a_new_site_gives_addresses_directories_connections_and_refusals() -> None:
    hosts = _plan().topology.hosts
    assert {name: host.address for name, host in hosts.items()} == {
        "box": "box.toys.example.org",
        "shelf": "shelf.toys.example.org",
    }
    assert {(host.stack_dir, host.workdir, host.connection.user) for host in hosts.values()} == {
        ("/toys/prod", "/toys/work", "toy")
    }
    bear = {"hosts": {"bear": {"address": toys.DOMAIN}}, "database": {"db": "bear"}, "pool": None}
    with pytest.raises(ConfigError, match=r"mspass:cluster\.hosts\.bear: a bear is no host"):
        check(read_cluster({**toys.CLUSTER, **bear}))


def test_what_a_new_site_encrypts_has_the_scheme_of_its_protocol() -> None:
    topology = _plan().topology
    assert topology.encrypted == {"figures"}
    endpoints = {process.name: process.endpoint for process in topology.processes}
    assert endpoints["exporter-shelf"] == "https://shelf.toys.example.org:9100"
    assert endpoints["scheduler"] == "tcp://box.toys.example.org:8786"


def test_the_sites_that_were_there_claim_what_they_did() -> None:
    desktop = read_cluster({"hosts": {"desktop": {}}, "database": {"db": "desktop"}})
    assert site_of(desktop) is sites.SITES["desktop"]
