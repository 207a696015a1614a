"""Make a copy of a directory that is brought to a machine, and bring results back: only what differs is copied.

What counts as copied was read again and is on the disk. Killed at any moment, the next one goes on where it was.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import tree_copy
from .errors import Refused
from .journal import Journal
from .stage_source import Entry, Source, is_there

if TYPE_CHECKING:
    from typing import TypeAlias

Tell: TypeAlias = "Callable[[int], object]"
"""Takes the bytes of each piece that was written."""


class Copy:
    """The copy of a directory.

    Args:
        source: what is brought.
        target: the copy; its list of sizes and checksums is beside it.
    """

    def __init__(self, source: Source, target: Path) -> None:
        self._source, self._target = source, target
        self._journal = Journal(target.with_name(f"{target.name}.json"))
        known = self._journal.known
        self.missing = [name for name in sorted(source.files) if not self._has(name, known.get(name))]

    @property
    def bytes(self) -> int:
        """How much is to be copied."""
        return sum(self._source.files[name].size for name in self.missing)

    @property
    def is_whole(self) -> bool:
        """Whether nothing is to be done."""
        is_same = self._journal.is_whole and self._journal.known.keys() == self._source.files.keys()
        return is_same and not self.missing and all((self._target / name).is_dir() for name in self._source.directories)

    def make(self, tell: Tell) -> None:
        """Copy what is missing, and remove what is not in the source any more.

        Raises:
            Refused: a file is not what was written.
            OSError: it cannot be read or written.
        """
        if self.is_whole:
            return
        files, directories = self._source.files, self._source.directories
        self._target.mkdir(mode=0o700, parents=True, exist_ok=True)
        tree_copy.remove_others(self._target, {*files, *directories})
        for name in directories:
            (self._target / name).mkdir(mode=0o700, exist_ok=True)
        partial = self._target.with_name(f"{self._target.name}.partial")
        for name in self.missing:
            entry, target = files[name], self._target / name
            _, sha256 = tree_copy.written(self._source.place / name, partial, tell)
            os.utime(partial, ns=(entry.written, entry.written))
            if target.is_dir():
                target.rmdir()
            partial.replace(target)
            # Not every disk keeps all of a time.
            self._journal.add(name, [*entry, sha256, target.stat().st_mtime_ns])
        for name in ("", *directories):
            tree_copy.sync(self._target / name)
        self._journal.close({name: self._journal.known[name] for name in files})

    def _has(self, name: str, known: Any) -> bool:
        entry = self._source.files[name]
        return bool(known) and Entry(*known[:2]) == entry and is_there(self._target / name, Entry(entry.size, known[3]))


class Results:
    """A directory of results.

    Args:
        place: where they are written; what became of each file is beside it.
        to: where they are brought: to this directory alone, and never over a file that is another one's.
    """

    def __init__(self, place: Path, to: Path) -> None:
        self._place, self._to = place, to
        self._journal = Journal(place.with_name(f"{place.name}.json"))

    @property
    def bytes(self) -> int:
        return sum(found.st_size for _, found in _files(self._place))

    def give_back(self, leave: bool, tell: Tell) -> int:
        """Bring all files back, and return how many these are.

        Args:
            leave: whether those here stay, since who has written them may go on.

        Raises:
            Refused: a file is not what was written.
            OSError: it cannot be read or written.
        """
        here = {name: _entry(found) for name, found in _files(self._place)}
        for name, before in here.items():
            if self._journal.known.get(name, [None])[0] != [*before] or not leave:
                self._bring_back(name, before, tell)
        if not leave:
            now = {name: _entry(found) for name, found in _files(self._place)}
            for name in here.keys() & now.keys():
                if now[name] == here[name]:
                    (self._place / name).unlink()
            if left := next(_files(self._place), None):
                raise Refused(f"{self._place / left[0]}: it was written while it was brought back: see who does that")
        return len(here)

    def _bring_back(self, name: str, before: Entry, tell: Tell) -> None:
        source, (_, former, former_sha256) = self._place / name, self._journal.known.get(name, [None, "", ""])
        target, sha256, is_there = self._to / name, "", False
        for candidate in _names(target):
            target = candidate
            if not candidate.exists():
                break
            sha256 = sha256 or tree_copy.digest(source)
            is_there = _is(candidate, sha256)
            if is_there or (former == str(candidate) and _is(candidate, former_sha256)):
                break
        if not is_there:
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = target.with_name(f".{target.name}.partial")
            _, sha256 = tree_copy.written(source, partial, tell)
            os.utime(partial, ns=(before.written, before.written))
            partial.replace(target)
        tree_copy.sync(target)
        tree_copy.sync(target.parent)
        self._journal.add(name, [[*before], str(target), sha256])


def _entry(found: os.stat_result) -> Entry:
    return Entry(found.st_size, found.st_mtime_ns)


def _names(path: Path) -> Iterator[Path]:
    """Yield a path, then those of numbered ones beside it, as `cp --backup` names them."""
    yield path
    number = 1
    while True:
        yield path.with_name(f"{path.name}.~{number}~")
        number += 1


def _is(path: Path, sha256: str) -> bool:
    return path.is_file() and tree_copy.digest(path) == sha256


def _files(place: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the files below a directory; a link is what it leads to, one to a directory is passed over."""
    for at, _, names in os.walk(place, onerror=_raise) if place.is_dir() else ():
        for name in sorted(names):
            path = Path(at) / name
            try:
                found = path.stat()
            except FileNotFoundError:
                continue
            if stat.S_ISREG(found.st_mode):
                yield str(path.relative_to(place)), found


def _raise(error: OSError) -> None:
    raise error
