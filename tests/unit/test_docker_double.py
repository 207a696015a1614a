"""The double of the Docker plugin speaks the official types, and refuses what it does not know."""

import inspect
import os
import subprocess
from pathlib import Path

import pulumi_docker

from tests.harness import docker_plugin
from tests.harness.docker_plugin.schema import CONTAINER, DEFAULTS, LIVE, REPLACING, with_defaults
from tests.harness.docker_plugin.warm import NAME


def _official(arguments: type) -> set[str]:
    """The inputs of a resource by their names on the wire."""
    properties = inspect.getmembers(arguments, lambda member: isinstance(member, property))
    return {getattr(getter.fget, "_pulumi_name", name) for name, getter in properties}


def test_it_knows_no_input_that_the_official_types_lack() -> None:
    assert _official(pulumi_docker.ContainerArgs) >= CONTAINER


def test_no_input_is_both_replacing_and_changed_on_a_running_container() -> None:
    assert not REPLACING & LIVE
    assert set(DEFAULTS) <= CONTAINER


def test_the_defaults_are_in_the_inputs_and_named_as_such() -> None:
    whole = with_defaults({"name": "a", "restart": "always"})
    assert whole["restart"] == "always"
    assert whole["networkMode"] == "bridge"
    assert "mustRun" in whole["__defaults"]
    assert "restart" not in whole["__defaults"]


def test_it_starts_by_itself_and_says_its_port_where_no_warm_one_is_asked() -> None:
    """As `make lab-sim` and the benches use it."""
    program = Path(docker_plugin.__file__).with_name("pulumi-resource-docker")
    environment = {key: value for key, value in os.environ.items() if key != NAME} | docker_plugin.environment()
    with subprocess.Popen([program, "127.0.0.1:9"], env=environment, stdout=subprocess.PIPE, text=True) as plugin:
        try:
            assert plugin.stdout
            assert 0 < int(plugin.stdout.readline()) < 65536
        finally:
            plugin.kill()
