"""Write down, line by line, what has been done to each of many files: what was killed goes on from there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from . import tree_copy


class Journal:
    """What is known of files by their names: a file of all, and one of what came since.

    Args:
        path: of the first; the other is beside it.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._newer = path, path.with_name(f"{path.name}l")
        self.known: dict[str, Any] = {}
        with suppress(OSError, ValueError):
            self.known.update(json.loads(path.read_text(encoding="utf-8")))
        for line in _lines(self._newer):
            try:
                name, known = json.loads(line)
            except ValueError:
                continue  # the begin of one, whose writer was killed
            self.known[name] = known
        self.is_whole = path.exists() and not self._newer.exists()

    def add(self, name: str, known: Any) -> None:
        """Write down what is known of one more."""
        self.known[name] = known
        with self._newer.open("a", encoding="utf-8") as file:
            file.write("\n" + json.dumps([name, known]))

    def close(self, known: Mapping[str, Any]) -> None:
        """Write down that these are all."""
        self.known = dict(known)
        tree_copy.write(self._path, self.known)
        self._newer.unlink(missing_ok=True)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
