"""What counts as a change of a resource."""

import pytest
from pulumi.runtime.rpc import UNKNOWN

from mspass_stack.provider.resources.base import changed
from mspass_stack.spec import resources


def test_what_differs_comes_or_goes_is_named() -> None:
    assert changed({"same": 1, "other": 1, "gone": 1}, {"same": 1, "other": 2, "new": 1}) == ["gone", "new", "other"]


@pytest.mark.parametrize("name", ["connection", "probeConnection", "connections"])
def test_another_connection_to_a_host_is_no_change(name: str) -> None:
    unseen = frozenset({name})
    old, new = {"address": "10.0.0.1"}, {"address": "10.0.0.1", "jump": "gate"}
    assert changed({name: old, "stackDir": "/d"}, {name: new, "stackDir": "/d"}, unseen) == []
    assert changed({"stackDir": "/d"}, {name: new, "stackDir": "/d"}, unseen) == [], "an older state has none"
    assert changed({name: old, "stackDir": "/d"}, {name: new, "stackDir": "/e"}, unseen) == ["stackDir"]


MODELS = [
    model
    for model in vars(resources).values()
    if isinstance(model, type) and issubclass(model, resources.Inputs) and model.__module__ == resources.__name__
]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_connection_is_marked_as_in_no_diff_and_nothing_else_is(model: type[resources.Inputs]) -> None:
    connections = {str(field.alias) for key, field in model.model_fields.items() if "connection" in key}
    assert model.marked("unseen") == connections


def test_what_is_not_known_yet_counts_as_a_change() -> None:
    assert changed({"stackId": "a"}, {"stackId": UNKNOWN}) == ["stackId"]
