"""Copy a directory so that what counts as copied is on the disk, and is what was read.

A copy that is killed goes on where it was: a file whose content is there already is not copied again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from .errors import Refused

BLOCK = 1 << 20
"""Bytes that are read at once."""

SKIPPED = "WiredTigerPreplog"
"""Begin of the names of files of zeros, which a mongod makes anew: 200 MB of one that is just created."""


def copy(source: Path, target: Path, skipped: Collection[str] = ()) -> dict[str, tuple[int, str]]:
    """Make a directory the copy of another, verified and synced; return size and SHA-256 of each file by its path.

    Args:
        skipped: names within the source that are not copied.

    Raises:
        Refused: a file is not what was written.
        OSError: it cannot be read or written.
    """
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    directories, files = contents(source, skipped)
    remove_others(target, {*directories, *files})
    for name in directories:
        (target / name).mkdir(mode=0o700, exist_ok=True)
    listing = {name: _copied(source / name, target / name) for name in files}
    for name in (*reversed(directories), ""):
        sync(target / name)
    sync(target.parent)
    return listing


def contents(place: Path, skipped: Collection[str] = ()) -> tuple[list[str], list[str]]:
    """Return the paths of directories, outer ones first, and of files, in a directory; without those of some names."""
    directories: list[str] = []
    files: list[str] = []
    for at, inner, names in os.walk(place, onerror=_raise):
        own = Path(at).relative_to(place)
        if own == Path():
            inner[:] = [name for name in inner if name not in skipped]
            names[:] = [name for name in names if name not in skipped]
        directories += [str(own / name) for name in inner]
        files += [str(own / name) for name in names if not name.startswith(SKIPPED)]
    return directories, sorted(files)


def size(place: Path) -> int:
    """Return the bytes of all files that a copy has; a file that is gone meanwhile has none."""
    total = 0
    for name in contents(place)[1]:
        with suppress(FileNotFoundError):
            total += (place / name).stat().st_size
    return total


def total(listing: Mapping[str, Sequence[Any]]) -> int:
    """Return the bytes of what is listed."""
    return sum(entry[0] for entry in listing.values())


def write(path: Path, known: object) -> None:
    """Write a file of JSON, whole and on the disk or not at all."""
    write_text(path, json.dumps(known, indent=1) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a file, whole and on the disk or not at all."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    sync(partial)
    partial.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Have the disk take what was written to a file or a directory."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _copied(source: Path, target: Path) -> tuple[int, str]:
    length = source.stat().st_size
    if target.exists() and target.stat().st_size == length and (known := digest(target)) == digest(source):
        sync(target)  # a copy that was killed may have written it, and no more
        return length, known
    return written(source, target)


def written(source: Path, target: Path, tell: Callable[[int], object] = lambda count: None) -> tuple[int, str]:
    """Copy a file, verified and synced; return its size and SHA-256.

    Args:
        tell: takes the bytes of each piece that was written.

    Raises:
        Refused: it is not what was written.
    """
    read = hashlib.sha256()
    with source.open("rb") as here, target.open("wb") as there:
        for block in _blocks(here):
            read.update(block)
            there.write(block)
            tell(len(block))
        there.flush()
        os.fsync(there.fileno())
        length = there.tell()
        # What is read now comes from the disk, where its file system lets that be said.
        with suppress(OSError, AttributeError):
            os.posix_fadvise(there.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    if digest(target) != read.hexdigest():
        raise Refused(f"{target} is not what was written to it")
    return length, read.hexdigest()


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        for block in _blocks(file):
            found.update(block)
    return found.hexdigest()


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: file.read(BLOCK), b"")


def remove_others(place: Path, wanted: set[str]) -> None:
    """Remove all below a directory but what is wanted, by its path there; links too."""
    for at, inner, names in os.walk(place, topdown=False):
        own = Path(at).relative_to(place)
        for name in names:
            if str(own / name) not in wanted or (Path(at) / name).is_symlink():
                (Path(at) / name).unlink()
        for name in inner:
            if str(own / name) not in wanted:
                (Path(at) / name).rmdir()


def _raise(error: OSError) -> None:
    raise error
