"""Bring directories to this machine before its workers start, and their results back after they have stopped.

All of it is below one directory on the machine's own disk, which several workers share. Its `spec.json` says what was
brought; `out.json` where results go, also those that are declared no more.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import tree_copy
from .errors import Refused
from .local_data import is_ram
from .lock import held
from .stage_copy import Copy, Results, Tell
from .stage_source import Source

if TYPE_CHECKING:
    from typing import TypeAlias

SPEC, OUT = "spec.json", "out.json"

Spec: TypeAlias = "Mapping[str, Any]"
"""`host`, `bring` (of each `source`, `name` of its copy, and `link` where it is seen by one) and `back` (`to`, `name`,
`link`)."""


def _nothing(count: int) -> None:
    pass


class Stage:
    """What is brought to this machine and back.

    Args:
        root: of all that is here.
        tell: takes the bytes of each piece that was copied.
    """

    def __init__(self, root: Path, tell: Tell = _nothing) -> None:
        self.root, self._tell = root, tell

    def is_whole(self, spec: Spec) -> bool:
        """Whether just this was brought, whatever the sources are now."""
        return read(self.root / SPEC) == spec and all(self._is_linked(part) for part in _parts(spec))

    def look(self, spec: Spec) -> dict[str, Any]:
        """Compare; changes nothing.

        Returns:
            `sources`, a digest of what is in them; `is_whole`, whether that is here; `missing`, bytes to be copied;
            `free` on the disk.

        Raises:
            Refused: a source is not there, or something is in the way.
        """
        copies = self._copies(spec)
        for part in _parts(spec):
            self._refuse_taken(part)
        for part in spec["back"]:
            _refuse_closed(Path(part["to"]))
        return {
            "sources": ".".join(source.digest for source, _ in copies),
            "is_whole": self.is_whole(spec) and all(copy.is_whole for _, copy in copies),
            "missing": sum(copy.bytes for _, copy in copies),
            "free": shutil.disk_usage(_nearest(self.root)).free,
        }

    def bring(self, spec: Spec) -> dict[str, Any]:
        """Bring what is missing; return what `look` does.

        Raises:
            Refused: it cannot be brought, and why.
        """
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with held(self.root), _reported(self.root):
            copies, found = self._copies(spec), self.look(spec)
            self._refuse_crowded(found)
            self._remove_former(spec)
            for _, copy in copies:
                copy.make(self._tell)
            for part in spec["back"]:
                (self.root / "out" / part["name"]).mkdir(mode=0o700, parents=True, exist_ok=True)
            goals = {part["name"]: f"{part['to']}/{spec['host']}" for part in spec["back"]}
            tree_copy.write(self.root / OUT, {**read(self.root / OUT), **goals})
            for part in _parts(spec):
                self._link(part)
            tree_copy.write(self.root / SPEC, spec)
        return {**found, "is_whole": True, "missing": 0}

    @property
    def goals(self) -> dict[str, str]:
        """Where results go, by the name of their directory."""
        return read(self.root / OUT)

    @property
    def results(self) -> int:
        """The bytes of all results here."""
        return sum(Results(self.root / "out" / name, Path(to)).bytes for name, to in self.goals.items())

    def give_back(self, leave: bool = False) -> int:
        """Bring results back; return how many files.

        Args:
            leave: whether they stay here too, since workers may go on with them.

        Raises:
            Refused: they cannot be brought; those that were not are here.
        """
        if not self.root.is_dir():
            return 0
        with held(self.root), _reported(self.root):
            known = self.goals.items()
            return sum(Results(self.root / "out" / name, Path(to)).give_back(leave, self._tell) for name, to in known)

    def forget(self) -> None:
        """Remove all that is here; only after results were brought back."""
        if self.root.is_dir():
            for part in _parts(read(self.root / SPEC)):
                self._unlink(part)
            shutil.rmtree(self.root)

    def hand_over(self, to: Path) -> None:
        """Let a run that follows have the copies; only after results were brought back."""
        shutil.rmtree(self.root / "out", ignore_errors=True)
        for name in (SPEC, OUT):
            (self.root / name).unlink(missing_ok=True)
        self.root.rename(to)

    def _copies(self, spec: Spec) -> list[tuple[Source, Copy]]:
        sources = [(Source(Path(part["source"])), self.root / "in" / part["name"]) for part in spec["bring"]]
        return [(source, Copy(source, target)) for source, target in sources]

    def _refuse_crowded(self, found: Mapping[str, Any]) -> None:
        if found["missing"] > found["free"]:
            kind = "RAM (tmpfs), which" if is_ram(_nearest(self.root)) else "a disk that"
            raise Refused(
                f"{self.root}: {found['missing'] / 2**30:.1f} GiB are to be brought, and it is on {kind} has "
                f"{found['free'] / 2**30:.1f} GiB left"
            )

    def _remove_former(self, spec: Spec) -> None:
        """Remove copies that are declared no more, and links; results stay until they are brought back."""
        former, wanted = read(self.root / SPEC), {part["name"] for part in spec["bring"]}
        for part in former.get("bring", ()):
            if part["name"] not in wanted:
                place = self.root / "in" / part["name"]
                shutil.rmtree(place, ignore_errors=True)
                for beside in place.parent.glob(f"{place.name}.*"):
                    beside.unlink()
        links = [(part["link"], part["name"]) for part in _parts(spec)]
        for part in _parts(former):
            if (part["link"], part["name"]) not in links:
                self._unlink(part)

    def _place(self, part: Mapping[str, str]) -> Path:
        return self.root / ("in" if "source" in part else "out") / part["name"]

    def _is_linked(self, part: Mapping[str, str]) -> bool:
        link = part["link"]
        return not link or (Path(link).is_symlink() and os.readlink(link) == str(self._place(part)))  # noqa: PTH115

    def _refuse_taken(self, part: Mapping[str, str]) -> None:
        if os.path.lexists(part["link"]) and not self._is_linked(part):
            raise Refused(f"{part['link']}: is there already, and is not ours: remove it, or say another path")

    def _link(self, part: Mapping[str, str]) -> None:
        """Let workers that are in no container see it where it is declared."""
        if not self._is_linked(part):
            Path(part["link"]).parent.mkdir(parents=True, exist_ok=True)
            Path(part["link"]).symlink_to(self._place(part))

    def _unlink(self, part: Mapping[str, str]) -> None:
        if part["link"] and self._is_linked(part):
            Path(part["link"]).unlink()


def _parts(spec: Spec) -> list[Mapping[str, str]]:
    return [*spec.get("bring", ()), *spec.get("back", ())]


def read(path: Path) -> dict[str, Any]:
    """Return what a file of it says; nothing where there is none."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def _nearest(path: Path) -> Path:
    """Return a directory, or the nearest one above it that exists."""
    return next(place for place in (path, *path.parents) if place.is_dir())


def _refuse_closed(goal: Path) -> None:
    there = next(place for place in (goal, *goal.parents) if place.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise Refused(f"{goal}: {there} {'cannot be written' if there.is_dir() else 'is no directory'}")


@contextmanager
def _reported(root: Path) -> Generator[None, None, None]:
    try:
        yield
    except OSError as error:
        raise Refused(f"{error.filename or root}: {error.strerror or error}") from None
