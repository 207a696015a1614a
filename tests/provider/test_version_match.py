"""Pythons that could not speak to each other are told before their processes start."""

from typing import Any

import pytest

from mspass_stack.errors import Refused
from mspass_stack.provider.resources.base import Call
from mspass_stack.provider.server.registry import RESOURCES

MATCH = RESOURCES["VersionMatch"]

HEAD = {"python": "3.11", "distributed": "2024.8.0"}


def _match(preview: bool = False, **hosts: dict[str, str]) -> tuple[str, dict[str, Any]]:
    return MATCH.create(Call("versions", {"stack": "lab", "hosts": hosts}, preview=preview))


def test_hosts_of_the_same_releases_and_a_host_alone_are_fine() -> None:
    assert _match(head=HEAD, n1=HEAD) == ("lab/versions", {})
    assert _match(head=HEAD) == ("lab/versions", {})


def test_each_release_that_differs_is_reported_with_the_hosts_that_have_it() -> None:
    with pytest.raises(Refused) as refused:
        _match(head=HEAD, n1=HEAD, n2={"python": "3.12", "distributed": "none"})
    assert str(refused.value).splitlines()[1:] == [
        "  python: 3.11 on 'head', 'n1'; 3.12 on 'n2'",
        "  distributed: 2024.8.0 on 'head', 'n1'; none on 'n2'",
    ]


def test_a_host_that_lacks_what_others_have_is_reported_as_one_without_it() -> None:
    with pytest.raises(Refused, match=r"\n  distributed: 2024.8.0 on 'head'; none on 'n1'$"):
        _match(head=HEAD, n1={"python": "3.11"})


def test_a_preview_which_may_not_know_them_refuses_nothing() -> None:
    assert _match(preview=True, head=HEAD, n1={"python": "3.8"}) == ("lab/versions", {})
