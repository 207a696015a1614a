"""What counts as a change of a resource."""

import pytest
from pulumi.runtime.rpc import UNKNOWN

from mspass_stack.provider.resource import changed


def test_what_differs_comes_or_goes_is_named() -> None:
    assert changed({"same": 1, "other": 1, "gone": 1}, {"same": 1, "other": 2, "new": 1}) == ["gone", "new", "other"]


@pytest.mark.parametrize("way", ["reach", "probeReach", "reaches"])
def test_another_way_to_a_host_is_no_change(way: str) -> None:
    old, new = {"address": "10.0.0.1"}, {"address": "10.0.0.1", "jump": "gate"}
    assert changed({way: old, "home": "/d"}, {way: new, "home": "/d"}) == []
    assert changed({"home": "/d"}, {way: new, "home": "/d"}) == [], "a state of before there were ways"
    assert changed({way: old, "home": "/d"}, {way: new, "home": "/e"}) == ["home"]


def test_what_is_not_known_yet_counts_as_a_change() -> None:
    assert changed({"stackId": "a"}, {"stackId": UNKNOWN}) == ["stackId"]
