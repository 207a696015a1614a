"""A failure that is told to all who waited while it came about: else each of them would wait for one of his own."""

import time
from collections.abc import Generator
from contextlib import contextmanager

from mspass_stack.errors import Unreachable


class SharedFailure:
    """The last failure of something that one does for all, behind a lock."""

    def __init__(self) -> None:
        self._when, self._error = 0.0, Unreachable()

    @contextmanager
    def shared(self, wanted: float) -> Generator[None]:
        """Do it, behind the lock.

        Args:
            wanted: when the caller began to wait for the lock (`time.monotonic`).

        Raises:
            Unreachable: it failed, now or since then.
        """
        if self._when > wanted:
            raise self._error
        try:
            yield
        except Unreachable as error:
            self._when, self._error = time.monotonic(), error
            raise
