"""Have a place for what a container sees in its own /tmp, where Apptainer makes none: that is a directory of ours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

PLACES = {"/tmp/": "tmp", "/var/tmp/": "var_tmp"}
"""Where Apptainer's `--workdir` has what a container sees there (apptainer exec --help)."""


def make_points(own: Path, wrapper: Sequence[str]) -> None:
    """Make the directories.

    Args:
        own: that of `--workdir`.
        wrapper: the words before a command that run it in its container.
    """
    for bind in wrapper:
        target = bind.split(":")[1] if ":" in bind else ""
        for begin, place in PLACES.items():
            if target.startswith(begin):
                (own / place / target[len(begin) :]).mkdir(parents=True, exist_ok=True)


def make_sources(own: Path, wrapper: Sequence[str], word: str) -> None:
    """Make what a container is to see before that is there.

    Args:
        own: what the word stands for.
        wrapper: as above.
        word: with which the paths begin.
    """
    for bind in wrapper:
        if bind.startswith(f"{word}/"):
            (own / bind.split(":")[0][len(word) + 1 :]).mkdir(parents=True, exist_ok=True)
