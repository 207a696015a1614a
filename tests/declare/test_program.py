"""The program on other configs: clusters with some of the parts, and configs that cannot be deployed."""

from typing import Any

import pytest
from mocked_engine import MARK, opened
from own_program import Deploy

from mspass_stack import Inventory

HOSTS: dict[str, Any] = {"here": {}}
DATABASE: dict[str, Any] = {"db": "here", "port": 27117}
POOL: dict[str, Any] = {"host": "here", "workers": {"here": {"processes": 2, "memory": "1GiB"}}}
FRONTEND: dict[str, Any] = {"host": "here"}


def _config(**parts: Any) -> dict[str, Any]:
    return {"mspass:cluster": {"hosts": HOSTS, **parts}}


def _file_names(found: Any) -> set[str]:
    return {path.rsplit("/", 1)[1] for path in opened(found.inputs["files"])}


def test_a_database_alone_declares_no_pool_and_no_frontend(deploy: Deploy) -> None:
    result = deploy(_config(database=DATABASE))
    assert set(result.of("HostProcess")) == {"mongod@here"}
    assert not {"DaskPool", "Frontend"} & set(result.types.values())
    assert set(result.outputs) == {"databaseUri", "clientProfile", "inventory"}
    assert Inventory.model_validate(result.outputs["inventory"]).names == ["mongod"]
    assert _file_names(result.of("HostFiles")["files@here"]) == {"keyfile", "profile.env"}


def test_a_cluster_without_frontend_declares_no_jupyter(deploy: Deploy) -> None:
    result = deploy(_config(database=DATABASE, pool=POOL))
    assert set(result.of("HostProcess")) == {"mongod@here", "scheduler@here", "worker-here@here"}
    assert "Frontend" not in result.types.values()
    assert set(result.outputs) == {"databaseUri", "schedulerAddress", "dashboardUrl", "clientProfile", "inventory"}
    assert _file_names(result.of("HostFiles")["files@here"]) == {"keyfile", "client.env", "profile.env"}


def test_a_cluster_without_database_declares_no_mongod_and_no_users(deploy: Deploy) -> None:
    result = deploy(_config(pool=POOL, frontend=FRONTEND))
    assert set(result.of("HostProcess")) == {"scheduler@here", "worker-here@here", "frontend@here"}
    assert not {"MongoDatabase", "DatabaseUsers"} & set(result.types.values())
    files = opened(result.of("HostFiles")["files@here"].inputs["files"])
    assert not [content for content in files.values() if "MSPASS_DB_ADDRESS" in content]


def test_an_output_is_secret_when_a_part_of_it_is(deploy: Deploy) -> None:
    result = deploy(_config(database=DATABASE, frontend=FRONTEND))
    assert opened(result.outputs["databaseUri"]) == (
        f"mongodb://mspass:{MARK}mongodb-password@127.0.0.1:27117/?authSource=admin"
    )
    assert opened(result.outputs["jupyterUrl"]) == f"http://127.0.0.1:8888/lab?token={MARK}jupyter-token"


def test_the_preflight_names_the_config_path_of_each_port(deploy: Deploy) -> None:
    result = deploy(_config(database=DATABASE, pool=POOL, frontend=FRONTEND))
    assert result.of("Preflight")["preflight"].inputs["hosts"]["here"]["ports"] == {
        "27117": "mspass:cluster.database.port",
        "8786": "mspass:cluster.pool.port",
        "8787": "mspass:cluster.pool.dashboard",
        "8888": "mspass:cluster.frontend.port",
    }


def test_workers_without_a_memory_limit_are_deployed_with_a_warning(deploy: Deploy) -> None:
    result = deploy(_config(pool={"host": "here", "workers": {"here": {}}}))
    assert result.of("HostProcess")
    assert any(line.startswith("mspass:cluster.pool.workers.here: no memory limit") for line in result.log)


def test_a_password_for_jupyter_arrives_hashed_and_hidden(deploy: Deploy) -> None:
    result = deploy({**_config(frontend=FRONTEND), "mspass:jupyterPassword": {"secure": "v1:of the user"}})
    files = opened(result.of("HostFiles")["files@here"].inputs["files"])
    config = next(content for path, content in files.items() if path.endswith("jupyter_server_config.json"))
    assert "sha256:" in config
    assert MARK not in config


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no cluster": ({}, "mspass:cluster"),
    "not an object": ({"mspass:cluster": "desktop"}, "mspass:cluster"),
    "a list": ({"mspass:cluster": [{"hosts": HOSTS}]}, "mspass:cluster"),
    "an unknown key of the namespace": (
        {**_config(database=DATABASE), "mspass:jupyterPasword": "x"},
        "mspass:jupyterPasword: unknown key",
    ),
    "an unknown key": (
        _config(database={**DATABASE, "prot": 1}),
        "mspass:cluster.database.prot: unknown key",
    ),
    "no hosts": ({"mspass:cluster": {"database": DATABASE}}, "mspass:cluster.hosts: required"),
    "nothing to deploy": (_config(), "mspass:cluster: nothing to deploy"),
    "an unknown host": (_config(frontend={"host": "there"}), "mspass:cluster.frontend.host: unknown host 'there'"),
    "zero workers": (
        _config(pool={"host": "here", "workers": {"here": {"processes": 0}}}),
        "mspass:cluster.pool.workers.here.processes: 0",
    ),
    "a size that is none": (
        _config(database={**DATABASE, "cache": "1 elephant"}),
        "mspass:cluster.database.cache: '1 elephant'",
    ),
    "a port twice": (
        _config(database=DATABASE, frontend={"host": "here", "port": 27117}),
        "mspass:cluster: port 27117 twice on host 'here': database.port and frontend.port",
    ),
    "a runtime of a later version": (
        _config(runtime="apptainer", database=DATABASE),
        "mspass:cluster.runtime: 'apptainer'",
    ),
    "another machine": (
        {"mspass:cluster": {"hosts": {"here": {"address": "10.0.0.1"}}, "database": DATABASE}},
        "mspass:cluster.hosts.here: '10.0.0.1'",
    ),
    "a sharded database": (
        _config(database={"router": ["here"], "shards": {"a": ["here"]}, "cache": "1GiB"}),
        "mspass:cluster.database: a sharded database is for hosts reached over ssh",
    ),
}


@pytest.mark.parametrize(("config", "expected"), WRONG.values(), ids=WRONG)
def test_a_wrong_config_ends_the_program_with_its_path_before_anything_is_declared(
    deploy: Deploy, config: dict[str, Any], expected: str
) -> None:
    result = deploy(config)
    assert expected in result.error
    assert not result.resources
    assert not result.outputs


def test_all_that_is_wrong_is_said_at_once(deploy: Deploy) -> None:
    result = deploy(_config(database={**DATABASE, "prot": 1}, frontend={"host": "Here"}, workdri="./work"))
    for path in ("mspass:cluster.database.prot", "mspass:cluster.frontend.host", "mspass:cluster.workdri"):
        assert path in result.error
