"""The one way to wait: for a condition, or for a step to succeed, until a deadline."""

from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryError, Retrying, retry_if_exception_type, retry_if_result, stop_after_delay, wait_fixed

PAUSE = 0.1
"""Seconds between two looks."""


T = TypeVar("T")
E = TypeVar("E", bound=Exception)


def wait_until(look: Callable[[], T], deadline: float, pause: float = PAUSE) -> T | None:
    """Look until the answer is truthy, at most `deadline` seconds; None when it never was."""
    retrying = Retrying(
        retry=retry_if_result(lambda answer: not answer), stop=stop_after_delay(deadline), wait=wait_fixed(pause)
    )
    try:
        return retrying(look)
    except RetryError:
        return None


def keep_trying(
    step: Callable[[], T], errors: type[E], deadline: float, told: Callable[[E], object] = lambda error: None
) -> T:
    """Do what may be done again until it succeeds, for `deadline` seconds.

    Args:
        told: hears of each failure.

    Raises:
        Exception: the last of `errors`; any other at once.
    """

    def tried() -> T:
        try:
            return step()
        except errors as error:
            told(error)
            raise

    retrying = Retrying(
        retry=retry_if_exception_type(errors), stop=stop_after_delay(deadline), wait=wait_fixed(PAUSE), reraise=True
    )
    return retrying(tried)
