"""Stand in for directories that a container sees before they are there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def make_sources(own: Path, wrapper: Sequence[str], word: str) -> None:
    """Make what a container is to see, empty.

    Args:
        own: what the word stands for.
        wrapper: the words before a command that run it in its container.
        word: with which the paths begin.
    """
    for bind in wrapper:
        if bind.startswith(f"{word}/"):
            (own / bind.split(":")[0][len(word) + 1 :]).mkdir(parents=True, exist_ok=True)
