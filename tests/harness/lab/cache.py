"""What labs are made from, beside the test engine's images in the user's cache: made once, named by what went into it.

Who makes something holds the claim on the lab, so nobody else makes it too, and no lab is up that uses what is removed.
"""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.harness.engine import CACHE


def folder(kind: str, made_of: bytes) -> Path:
    """Where the cache has it, if it does."""
    return CACHE.with_name(f"lab-{kind}-{hashlib.sha256(made_of).hexdigest()[:12]}")


def ensure(kind: str, made_of: bytes, make: Callable[[Path], None], keep: int = 1) -> Path:
    """The folder, made where it is missing; the newest `keep` of its kind stay in the cache."""
    made = folder(kind, made_of)
    if not made.exists():
        partial = CACHE.with_name(f"partial-{kind}")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        make(partial)
        partial.rename(made)
        others = [one for one in made.parent.glob(f"lab-{kind}-*") if one != made]
        others.sort(key=lambda one: one.stat().st_mtime, reverse=True)
        for old in others[keep - 1 :]:
            shutil.rmtree(old)
    return made
