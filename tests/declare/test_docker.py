"""What the desktop declares under Docker: the traps of the provider are avoided for every container alike."""

from typing import Any

import pytest
import yaml
from mocked_engine import MARK, Run, shown
from own_program import PROJECT, Deploy


@pytest.fixture
def declared(deploy: Deploy) -> Run:
    said = yaml.safe_load((PROJECT / "stacks" / "Pulumi.desktop.yaml").read_text())["config"]
    said["mspass:cluster"]["runtime"] = "docker"
    result = deploy(said)
    assert not result.error
    return result


def _containers(declared: Run) -> dict[str, dict[str, Any]]:
    return {name: found.inputs for name, found in declared.of("Container").items()}


def test_there_is_a_container_with_a_gate_per_process_on_one_network_by_one_provider(declared: Run) -> None:
    names = {"mongod@desktop", "scheduler@desktop", "worker-desktop@desktop", "frontend@desktop"}
    assert set(_containers(declared)) == names
    assert set(declared.of("Ready")) == {f"ready-{name}" for name in names}
    assert set(declared.of("Network")) == {"network@desktop"}
    assert not declared.of("HostProcess")


def test_every_container_is_named_health_checked_restarted_and_stopped_with_patience(declared: Run) -> None:
    for name, inputs in _containers(declared).items():
        assert inputs["name"] == f"mspass-desktop-{name.partition('@')[0]}"
        assert inputs["healthcheck"]["tests"][0] == "CMD"
        assert inputs["restart"] == "unless-stopped"
        assert inputs["stopTimeout"] == inputs["destroyGraceSeconds"] >= 10
        assert ("memory" in inputs) == ("memorySwap" in inputs)
        assert not inputs.get("wait"), "the gate is ours"
    assert _containers(declared)["mongod@desktop"]["destroyGraceSeconds"] == 120


def test_ports_are_published_on_loopback_only(declared: Run) -> None:
    published = {
        name: {(port["ip"], port["external"], port["internal"]) for port in inputs.get("ports", [])}
        for name, inputs in _containers(declared).items()
    }
    assert published == {
        "mongod@desktop": {("127.0.0.1", 27017, 27017)},
        "scheduler@desktop": {("127.0.0.1", 8786, 8786), ("127.0.0.1", 8787, 8787)},
        "worker-desktop@desktop": set(),
        "frontend@desktop": {("127.0.0.1", 8888, 8888)},
    }


def test_peers_find_each_other_by_name_and_the_user_by_loopback(declared: Run) -> None:
    command = _containers(declared)["worker-desktop@desktop"]["command"]
    assert command[:5] == ["python3", "-m", "dask", "worker", "tcp://scheduler:8786"]
    assert declared.outputs["schedulerAddress"] == "tcp://127.0.0.1:8786"


def test_data_are_on_the_users_disk_and_secrets_are_read_only(declared: Run) -> None:
    for inputs in _containers(declared).values():
        for volume in inputs["volumes"]:
            assert volume["hostPath"] == volume["containerPath"]
            assert bool(volume.get("readOnly")) == ("/secrets/" in volume["hostPath"])


def test_no_secret_shows_in_an_input(declared: Run) -> None:
    assert not [text for text in shown(list(_containers(declared).values())) if MARK in text]


def test_the_worker_is_granted_what_its_config_says(declared: Run) -> None:
    worker = _containers(declared)["worker-desktop@desktop"]
    assert (worker["memory"], worker["memorySwap"], worker["cpus"]) == (2 * 2048 + 512, 2 * 2048 + 512, "2.0")
