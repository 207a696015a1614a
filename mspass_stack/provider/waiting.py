"""The one way to wait: for a condition, until a deadline."""

from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

PAUSE = 0.1
"""Seconds between two looks."""


T = TypeVar("T")


def wait_until(look: Callable[[], T], deadline: float, pause: float = PAUSE) -> T | None:
    """Look until the answer is truthy, at most `deadline` seconds; None when it never was."""
    retrying = Retrying(
        retry=retry_if_result(lambda answer: not answer), stop=stop_after_delay(deadline), wait=wait_fixed(pause)
    )
    try:
        return retrying(look)
    except RetryError:
        return None
