"""`Watch`: the memory of processes, by default of all that this process has started."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

PAUSE = 0.1
"""Seconds between two looks."""


class Watch:
    """A look at the memory of processes, again and again while the context lasts.

    Args:
        pids: tells which they are.

    Attributes:
        most: bytes that they had together at one time, shared pages counted once.
    """

    def __init__(self, pids: Callable[[], Iterable[int]] | None = None) -> None:
        self.most = 0
        self._pids = pids or _descendants
        self._done = Event()
        self._thread = Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(PAUSE):
            self.most = max(self.most, sum(map(proportional, self._pids())))


def _descendants(root: str = "self") -> list[int]:
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{root}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += [int(child), *_descendants(child)]
    return found


def proportional(pid: int) -> int:
    """Return the bytes of a process, of a page that others have too its part; 0 for one that has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
