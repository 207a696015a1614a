"""When what a job prepared at its start is enough for the plugin, and when it asks for more."""

import pytest

from mspass_stack.provider.mongo import cluster
from mspass_stack.provider.resources.base import Call


@pytest.mark.parametrize(
    ("before", "now", "is_enough"),
    [
        ([], ["7.0/a", "7.0/b"], True),
        (["7.0/a", "7.0/b"], ["8.0/a", "8.0/b"], True),
        (["7.0/a", "7.0/b"], ["7.1/a", "7.1/b"], True),
        (["7.0/a", "7.0/b"], ["7.0/a", "7.0/c"], False),
        (["7.0/a", "7.0/b"], ["8.0/a", "8.0/c"], False),
        (["7.0/a", "7.0/b"], ["7.0/a", "7.0/b"], False),
    ],
    ids=["new", "next job", "requeued", "restarted", "restarted in the next job", "drifted"],
)
def test_a_start_is_enough_for_what_it_started(before: list[str], now: list[str], is_enough: bool) -> None:
    old = {"incarnations": before} if before else {}
    call = Call("cluster", {"incarnations": now}, old_inputs=old)
    assert cluster._is_as_before_in_another_job(call) == is_enough  # pyright: ignore[reportPrivateUsage]
