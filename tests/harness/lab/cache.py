"""What labs are made from, beside the test engine's images in the user's cache: made once, named by what went into it.

The newest of a kind stay, so that a lab of an older checkout may go on with what it is made from.
"""

import fcntl
import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.harness.engine import CACHE

KEPT = 2
"""So many of a kind stay."""


def directory(kind: str, made_of: bytes) -> Path:
    """Where the cache has it, if it does."""
    return CACHE.with_name(f"lab-{kind}-{hashlib.sha256(made_of).hexdigest()[:12]}")


def ensure(kind: str, made_of: bytes, make: Callable[[Path], None]) -> Path:
    """The folder, made where it is missing; the newest of its kind stay in the cache."""
    made = directory(kind, made_of)
    CACHE.parent.mkdir(parents=True, exist_ok=True)
    with CACHE.with_name(f"lab-{kind}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            _make(made, kind, make)
    return made


def _make(made: Path, kind: str, make: Callable[[Path], None]) -> None:
    partial = CACHE.with_name(f"partial-{kind}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    make(partial)
    partial.rename(made)
    others = [one for one in made.parent.glob(f"lab-{kind}-*") if one != made]
    others.sort(key=lambda one: one.stat().st_mtime, reverse=True)
    for old in others[KEPT - 1 :]:
        shutil.rmtree(old)
