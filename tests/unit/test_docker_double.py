"""The double of the Docker plugin speaks the official types, and refuses what it does not know."""

import inspect

import pulumi_docker

from tests.harness.docker_plugin.schema import CONTAINER, DEFAULTS, LIVE, NETWORK, REPLACING, with_defaults


def _official(arguments: type) -> set[str]:
    """The inputs of a resource by their names on the wire."""
    properties = inspect.getmembers(arguments, lambda member: isinstance(member, property))
    return {getattr(getter.fget, "_pulumi_name", name) for name, getter in properties}


def test_it_knows_no_input_that_the_official_types_lack() -> None:
    assert _official(pulumi_docker.ContainerArgs) >= CONTAINER
    assert _official(pulumi_docker.NetworkArgs) >= NETWORK


def test_no_input_is_both_replacing_and_changed_on_a_running_container() -> None:
    assert not REPLACING & LIVE
    assert set(DEFAULTS) <= CONTAINER


def test_the_defaults_are_in_the_inputs_and_named_as_such() -> None:
    whole = with_defaults({"name": "a", "restart": "always", "ports": [{"internal": 1}]})
    assert whole["restart"] == "always"
    assert whole["ports"] == [{"ip": "0.0.0.0", "protocol": "tcp", "internal": 1}]
    assert "mustRun" in whole["__defaults"]
    assert "restart" not in whole["__defaults"]
