"""The one way to wait: for a condition, or for a step to succeed, until a deadline or an interrupt."""

from collections.abc import Callable
from threading import Event
from typing import TypeVar

from tenacity import (
    RetryError,
    Retrying,
    retry_if_exception_type,
    retry_if_result,
    sleep_using_event,
    stop_after_delay,
    stop_when_event_set,
    wait_fixed,
)
from tenacity.retry import retry_base

from mspass_stack.errors import Refused

PAUSE = 0.1
"""Seconds between two looks."""

interrupted = Event()
"""Set when the user has interrupted the command: what waits, or begins to, gives up."""

T = TypeVar("T")
E = TypeVar("E", bound=Exception)


def wait_until(look: Callable[[], T], deadline: float, pause: float = PAUSE) -> T | None:
    """Look until the answer is truthy, at most `deadline` seconds; None when it never was.

    Raises:
        Refused: the user has interrupted the command.
    """
    retrying = _retrying(retry_if_result(lambda answer: not answer), deadline, pause)
    try:
        return retrying(look)
    except RetryError:
        _give_up_if_interrupted()
        return None


def keep_trying(
    step: Callable[[], T], errors: type[E], deadline: float, report: Callable[[E], object] = lambda error: None
) -> T:
    """Do what may be done again until it succeeds, for `deadline` seconds.

    Args:
        report: hears of each failure.

    Raises:
        Exception: the last of `errors`; any other at once.
        Refused: the user has interrupted the command.
    """

    def tried() -> T:
        try:
            return step()
        except errors as error:
            report(error)
            raise

    retrying = _retrying(retry_if_exception_type(errors), deadline, PAUSE)
    retrying.reraise = True
    try:
        return retrying(tried)
    except errors:
        _give_up_if_interrupted()
        raise


def _retrying(retry: retry_base, deadline: float, pause: float) -> Retrying:
    stop = stop_after_delay(deadline) | stop_when_event_set(interrupted)
    return Retrying(retry=retry, stop=stop, wait=wait_fixed(pause), sleep=sleep_using_event(interrupted))


def _give_up_if_interrupted() -> None:
    if interrupted.is_set():
        raise Refused("interrupted: the next pulumi up goes on from here")
