"""Find out whether a file system's locks hold between nodes: without them two servers could open the same data."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from .errors import Refused

HELD = frozenset({errno.EAGAIN, errno.EACCES})
"""What a lock that somebody else has says."""

ADVICE = "the data are not opened on it: choose a datadir on a file system that is mounted with locks (Lustre: `flock`)"


@contextmanager
def held(path: Path) -> Generator[None, None, None]:
    """Hold a lock on a file.

    Raises:
        Refused: the file system has none.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        why = _take(descriptor)
        if why is not None:
            why = why or "somebody else has it"
            raise Refused(f"{path.parent}: its file system takes no lock ({why}): {ADVICE}")
        yield
    finally:
        os.close(descriptor)


def trouble(path: Path) -> str:
    """Say what is wrong with a lock that another node holds; empty where it is refused here, as it should be."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError as error:
        return f"{path} cannot be opened here: {error}"
    try:
        why = _take(descriptor)
    finally:
        os.close(descriptor)
    if why is None:
        return f"a lock that node0 holds on {path} is granted here too: {ADVICE}"
    return "" if not why else f"{path.parent}: its file system takes no lock here ({why}): {ADVICE}"


def _take(descriptor: int) -> str | None:
    """Try a lock; None when it was granted, empty when somebody has it, else why there is none."""
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return "" if error.errno in HELD else str(error)
    return None
