"""Know what is in a directory that is brought somewhere, without reading its files."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from .errors import Refused


class Entry(NamedTuple):
    """What tells that a file is another one than before: its size, and when it was written, in nanoseconds."""

    size: int
    written: int


class Source:
    """The files below a directory; links are followed, what they lead to is as good as a file there.

    Args:
        place: the directory.

    Attributes:
        directories: outer ones first.
        files: by their path there.

    Raises:
        Refused: it is no directory, or something in it cannot be copied.
    """

    def __init__(self, place: Path) -> None:
        self.place = place
        self.directories: list[str] = []
        self.files: dict[str, Entry] = {}
        if not place.is_dir():
            raise Refused(f"{place}: {'is no directory' if place.exists() else 'is not there'}")
        try:
            for name, entry in _below(place, "", ()):
                if entry is None:
                    self.directories.append(name)
                else:
                    self.files[name] = entry
        except OSError as error:
            raise Refused(f"{error.filename or place}: {error.strerror or error}") from None

    @property
    def digest(self) -> str:
        """A short name of just these files."""
        known = json.dumps([sorted(self.files.items()), sorted(self.directories)])
        return hashlib.sha256(known.encode()).hexdigest()[:16]

    @property
    def bytes(self) -> int:
        return sum(entry.size for entry in self.files.values())


def is_there(path: Path, entry: Entry) -> bool:
    """Return whether a file is there with this size and time."""
    with suppress(OSError):
        found = path.lstat()
        return stat.S_ISREG(found.st_mode) and Entry(found.st_size, found.st_mtime_ns) == entry
    return False


def _below(place: Path, name: str, above: tuple[tuple[int, int], ...]) -> Iterator[tuple[str, Entry | None]]:
    """Yield files with what is known of them, and directories.

    Raises:
        Refused: there is something else, or a link that leads to a directory above it.
    """
    found = place.stat()
    own = (found.st_dev, found.st_ino)
    if own in above:
        raise Refused(f"{place}: a link to a directory that it is in")
    with os.scandir(place) as entries:
        for entry in sorted(entries, key=lambda one: one.name):
            path = f"{name}{entry.name}"
            try:
                found = entry.stat()
            except FileNotFoundError:
                continue  # a link to nothing, or removed just now
            if stat.S_ISDIR(found.st_mode):
                yield path, None
                yield from _below(place / entry.name, f"{path}/", (*above, own))
            elif stat.S_ISREG(found.st_mode):
                yield path, Entry(found.st_size, found.st_mtime_ns)
            else:
                raise Refused(f"{entry.path}: neither a file nor a directory")
