"""What the desktop declares under Docker: the traps of the provider are avoided for every container alike."""

from typing import Any

import pytest
import yaml
from mocked_engine import MARK, Run, shown
from own_program import PROJECT, Deploy


@pytest.fixture
def declared(deploy: Deploy) -> Run:
    config = yaml.safe_load((PROJECT / "stacks" / "Pulumi.desktop.yaml").read_text())["config"]
    config["mspass:cluster"]["runtime"] = "docker"
    result = deploy(config)
    assert not result.error
    return result


def _containers(declared: Run) -> dict[str, dict[str, Any]]:
    return {name: found.inputs for name, found in declared.of("Container").items()}


def test_there_is_a_container_with_a_readiness_check_per_process_by_one_provider(declared: Run) -> None:
    names = {"mongod@desktop", "scheduler@desktop", "worker-desktop@desktop", "frontend@desktop"}
    assert set(_containers(declared)) == names
    assert set(declared.of("Ready")) == {f"ready-{name}" for name in names}
    assert not declared.of("HostProcess")
    providers = {found.provider for found in declared.of("Container").values()}
    assert providers == {found.name for found in declared.resources if found.type == "pulumi:providers:docker"}
    assert providers == {"docker@desktop"}


def test_every_container_is_named_health_checked_restarted_and_stopped_with_patience(declared: Run) -> None:
    for name, inputs in _containers(declared).items():
        assert inputs["name"] == f"mspass-desktop-{name.partition('@')[0]}"
        assert inputs["healthcheck"]["tests"][0] == "CMD"
        assert inputs["restart"] == "unless-stopped"
        assert inputs["stopTimeout"] == inputs["destroyGraceSeconds"] >= 10
        assert ("memory" in inputs) == ("memorySwap" in inputs)
        assert not inputs.get("wait"), "the readiness check is ours"
    assert _containers(declared)["mongod@desktop"]["destroyGraceSeconds"] == 120


def test_containers_are_on_the_hosts_network_and_listen_on_loopback_only(declared: Run) -> None:
    for inputs in _containers(declared).values():
        assert inputs["networkMode"] == "host"
        assert not {"ports", "networksAdvanced", "hostname"} & set(inputs)
    assert not [found.name for found in declared.resources if found.type.endswith(":Network")]
    commands = {name: inputs["command"] for name, inputs in _containers(declared).items()}
    mongod, scheduler = commands["mongod@desktop"], commands["scheduler@desktop"]
    assert mongod[mongod.index("--bind_ip") + 1] == "127.0.0.1"
    assert scheduler[scheduler.index("--host") + 1] == "127.0.0.1"
    assert scheduler[scheduler.index("--dashboard-address") + 1] == "127.0.0.1:8787"
    worker = commands["worker-desktop@desktop"]
    assert worker[worker.index("--host") + 1] == "127.0.0.1"
    assert worker[worker.index("--dashboard-address") + 1] == "127.0.0.1:0"
    assert "--ServerApp.ip=127.0.0.1" in commands["frontend@desktop"]


def test_the_user_and_the_containers_find_the_scheduler_at_one_address(declared: Run) -> None:
    command = _containers(declared)["worker-desktop@desktop"]["command"]
    assert [command[0], *command[3:6]] == ["python3", "dask", "worker", "tcp://127.0.0.1:8786"]
    assert declared.outputs["schedulerAddress"] == "tcp://127.0.0.1:8786"


def test_data_are_on_the_users_disk_and_secrets_are_read_only(declared: Run) -> None:
    for name, inputs in _containers(declared).items():
        assert inputs["mounts"], name
        assert "volumes" not in inputs, "whose missing source Docker would make as root's"
        for mount in inputs["mounts"]:
            assert mount["type"] == "bind"
            assert mount["source"] == mount["target"]
            assert mount["readOnly"] == ("/secrets/" in mount["source"])


def test_no_secret_shows_in_an_input(declared: Run) -> None:
    assert not [text for text in shown(list(_containers(declared).values())) if MARK in text]


def test_the_worker_is_granted_what_its_config_says(declared: Run) -> None:
    worker = _containers(declared)["worker-desktop@desktop"]
    assert (worker["memory"], worker["memorySwap"], worker["cpus"]) == (2 * 2048 + 512, 2 * 2048 + 512, "2.0")
