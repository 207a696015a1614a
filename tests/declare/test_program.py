"""The program on other configs: clusters with some of the parts, and configs that cannot be deployed."""

from typing import Any

import pytest
from mocked_engine import MARK, Run, opened
from own_program import Deploy

from mspass_stack import Inventory

HOSTS: dict[str, Any] = {"here": {}}
DATABASE: dict[str, Any] = {"db": "here", "port": 27117}
POOL: dict[str, Any] = {"host": "here", "workers": {"here": {"processes": 2, "memory": "1GiB"}}}
FRONTEND: dict[str, Any] = {"host": "here"}


def _config(**parts: Any) -> dict[str, Any]:
    return {"mspass:cluster": {"hosts": HOSTS, **parts}}


def _file_names(result: Run) -> set[str]:
    return {path.rsplit("/", 1)[1] for path in opened(result.of("HostFiles")["files@here"].inputs["files"])}


def _profile(result: Run) -> dict[str, str]:
    return opened(result.of("ClientProfile")["client-profile"].inputs["files"])


def _secrets(result: Run) -> set[str]:
    return set(result.of("Secret"))


def test_a_database_alone_declares_no_pool_and_no_frontend(deploy: Deploy) -> None:
    result = deploy(_config(database=DATABASE))
    assert set(result.of("HostProcess")) == {"mongod@here"}
    assert not {"DaskPool", "Frontend"} & set(result.types.values())
    assert set(result.outputs) == {"databaseUri", "clientProfile", "inventory", "startAtBoot"}
    assert Inventory.model_validate(result.outputs["inventory"]).names == ["mongod"]
    assert _file_names(result) == {"keyfile"}
    assert _secrets(result) == {"mongodb-keyfile", "mongodb-password", "digest-key"}
    assert list(_profile(result)) == [result.outputs["clientProfile"]]


def test_a_cluster_without_frontend_declares_no_jupyter(deploy: Deploy) -> None:
    result = deploy(_config(database=DATABASE, pool=POOL))
    assert set(result.of("HostProcess")) == {"mongod@here", "scheduler@here", "worker-here@here"}
    assert "Frontend" not in result.types.values()
    assert set(result.outputs) == {
        *("databaseUri", "schedulerAddress", "dashboardUrl"),
        *("clientProfile", "inventory", "startAtBoot"),
    }
    assert _file_names(result) == {"keyfile", "client.env"}


def test_a_cluster_without_database_declares_no_mongod_and_no_users(deploy: Deploy) -> None:
    result = deploy(_config(pool=POOL, frontend=FRONTEND))
    assert set(result.of("HostProcess")) == {"scheduler@here", "worker-here@here", "frontend@here"}
    assert not {"MongoDatabase", "DatabaseUsers"} & set(result.types.values())
    assert _file_names(result) == {"client.env", "jupyter-token", "jupyter_server_config.json"}
    assert _secrets(result) == {"jupyter-token", "digest-key"}
    files = opened(result.of("HostFiles")["files@here"].inputs["files"])
    contents = [*files.values(), *_profile(result).values()]
    assert not [content for content in contents if "MSPASS_DB_ADDRESS" in content]


def test_a_pool_alone_has_no_secret_of_its_own(deploy: Deploy) -> None:
    result = deploy(_config(pool=POOL))
    assert set(result.of("HostProcess")) == {"scheduler@here", "worker-here@here"}
    assert _secrets(result) == {"digest-key"}, "and without TLS no certificates"
    assert not {"Certificate", "CertificateAuthority"} & set(result.types.values())


@pytest.mark.parametrize("runtime", ["native", "docker"])
def test_a_sharded_database_on_one_machine_is_declared_whole(deploy: Deploy, runtime: str) -> None:
    database = {"router": ["here"], "shards": {"a": ["here"], "b": ["here"]}, "cache": "256MiB"}
    result = deploy(_config(database=database, frontend=FRONTEND, runtime=runtime))
    assert not result.error
    members = {"configsvr-here@here", "shard-a-here@here", "shard-b-here@here"}
    assert set(result.running) == {*members, "mongos-here@here", "frontend@here"}
    assert set(result.of("AddressRepair")) == {f"addresses-{name}" for name in members}
    shards = result.of("ShardedCluster")["sharded-cluster"].inputs["shards"]
    places = {name: (place["address"], place["port"]) for name, hosts in shards.items() for place in hosts.values()}
    assert places == {"a": ("127.0.0.1", 27019), "b": ("127.0.0.1", 27020)}
    assert result.of("Preflight")["preflight"].inputs["documents"] == {"shards": "all"}
    assert "@127.0.0.1:27017/" in opened(result.outputs["databaseUri"])


def test_an_output_is_secret_when_a_part_of_it_is(deploy: Deploy) -> None:
    result = deploy(_config(database=DATABASE, frontend=FRONTEND))
    assert opened(result.outputs["databaseUri"]) == (
        f"mongodb://mspass:{MARK}mongodb-password@127.0.0.1:27117/?authSource=admin&appName=mspass"
    )
    assert opened(result.outputs["jupyterUrl"]) == f"http://127.0.0.1:8888/lab?token={MARK}jupyter-token"


def test_the_preflight_names_the_config_path_and_the_process_of_each_port(deploy: Deploy) -> None:
    result = deploy(_config(database=DATABASE, pool=POOL, frontend=FRONTEND))
    assert result.of("Preflight")["preflight"].inputs["hosts"]["here"]["ports"] == {
        "27117": {"path": "mspass:cluster.database.port", "process": "mongod"},
        "8786": {"path": "mspass:cluster.pool.port", "process": "scheduler"},
        "8787": {"path": "mspass:cluster.pool.dashboard", "process": "scheduler"},
        "8888": {"path": "mspass:cluster.frontend.port", "process": "frontend"},
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
    "a runtime of a later version": (_config(runtime="later", database=DATABASE), "mspass:cluster.runtime: 'later'"),
    "no image for Apptainer": (_config(runtime="apptainer", database=DATABASE), "mspass:cluster.image: required for"),
    "another machine": (
        {"mspass:cluster": {"hosts": {"here": {"address": "10.0.0.1"}}, "database": DATABASE}},
        "mspass:cluster.hosts.here: '10.0.0.1'",
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
