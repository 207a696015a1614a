"""Name what only a node knows, as it stands in the words of a process until its step begins."""

from __future__ import annotations

from collections.abc import Mapping

HERE = "@local@"
"""The directory of the process on the node's own disk."""

DATA = "@data@"
"""The directory of a server's data on the node's own disk."""

STAGE = "@stage@"
"""The directory of what is brought to the node for its workers, and of their results."""

CORES, CACHE, LIMIT = "@cores@", "@cache@", "@limit@"
"""Cores, GiB of WiredTiger's cache, bytes of each of Dask's workers or of Spark's."""


def filled(word: str, known: Mapping[str, str]) -> str:
    """Put in what only the node knows."""
    for name, value in known.items():
        word = word.replace(name, value)
    return word
