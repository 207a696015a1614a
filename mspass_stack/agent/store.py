"""Keep versions of a whole database on the shared file system, while its servers work on their nodes' own disks.

`store/current` names the version that counts, `store/vN`: a directory of each server and a manifest of all. It is
renamed into its place when all copies are verified; killed at any moment, the former version is whole and counts.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from . import tree_copy
from .errors import Refused

FOLDER = "store"
"""Of the stack's directory."""

CURRENT, MANIFEST, OPENED = "current", "manifest.json", "opened.json"
"""Of the store: which version counts; of a version: what it is; of the store: which run has data beyond it."""

NOTHING = "v0"
"""The name of the version before the first one."""

KEPT = 2
"""Versions that are kept."""


class Store:
    """The versions of a stack's database.

    Args:
        directory: of the stack.
    """

    def __init__(self, directory: Path) -> None:
        self.place = directory / FOLDER

    @property
    def current(self) -> dict[str, Any]:
        """The manifest of the version that counts: `version`, `run`, `when` and `members`; `checkpoint` of such a one.

        Raises:
            Refused: there is a name, and no version of it.
        """
        file = self.place / CURRENT
        try:
            name = file.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return {}
        try:
            return dict(json.loads((self.place / name / MANIFEST).read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise Refused(f"{file} names {name!r}, which cannot be read: {error}: bring it back") from None

    @property
    def next(self) -> str:
        """The name of the version after it."""
        return f"v{int(self.current.get('version', NOTHING)[1:]) + 1}"

    @property
    def opened(self) -> dict[str, Any]:
        """Whose data go beyond that version: `run`, `base`, `when` and the node of each of `members`; or nothing."""
        return unsaved(lambda name: (self.place / name).read_text(encoding="utf-8"))

    def open(self, run: str, members: dict[str, str]) -> None:
        """Write down that servers are going to open their data: from now on there is more than the version has.

        Args:
            run: which start of which job.
            members: the node of each.
        """
        self.place.mkdir(mode=0o700, exist_ok=True)
        base = self.current.get("version", NOTHING)
        tree_copy.write(self.place / OPENED, {"run": run, "base": base, "when": time.time(), "members": members})

    def keep(self, version: str, member: str, source: Path, skipped: Collection[str] = ()) -> dict[str, Any]:
        """Copy the data of a server into a version that does not count yet; return what its manifest has of it.

        Args:
            skipped: names within the source that are no data.
        """
        place = self.place / version
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        listing = tree_copy.copy(source, place / member, skipped)
        tree_copy.write(_listing(place, member), listing)
        return {"bytes": tree_copy.total(listing), "listing": tree_copy.digest(_listing(place, member))}

    def bring(self, version: str, member: str, target: Path) -> int:
        """Copy what a version has of a server to a directory, empty where there is no version; return its bytes.

        Raises:
            Refused: it is not what was stored.
        """
        if version == NOTHING:
            target.mkdir(mode=0o700, parents=True)
            return 0
        place = self.place / version
        known: dict[str, list[Any]] = json.loads(_listing(place, member).read_text(encoding="utf-8"))
        found = tree_copy.copy(place / member, target)
        wrong = [name for name in sorted({*known, *found}) if list(known.get(name, ())) != list(found.get(name, ()))]
        if wrong:
            raise Refused(
                f"{place / member / wrong[0]} is not what was stored there: bring it back; the version before it "
                f"counts when its name stands in {self.place / CURRENT}"
            )
        return tree_copy.total(found)

    def publish(
        self, version: str, run: str, members: Mapping[str, Mapping[str, Any]], checkpoint: float = 0
    ) -> dict[str, Any]:
        """Let a version count; return its manifest.

        Args:
            run: whose data they are.
            members: what `keep` has returned for each server.
            checkpoint: the moment of which they are, where the run goes on beyond it.
        """
        known = {"version": version, "run": run, "when": checkpoint or time.time(), "members": members}
        if checkpoint:
            known["checkpoint"] = True
        tree_copy.write(self.place / version / MANIFEST, known)
        tree_copy.sync(self.place)
        tree_copy.write_text(self.place / CURRENT, f"{version}\n")
        self.prune()
        return known

    def prune(self) -> None:
        """Remove all versions but the last ones; what cannot be removed stays."""
        last = int(self.current["version"][1:])
        for place in self.place.glob("v*"):
            number = place.name[1:]
            if number.isdigit() and not last - KEPT < int(number) <= last:
                shutil.rmtree(place, ignore_errors=True)


def unsaved(read: Callable[[str], str]) -> dict[str, Any]:
    """Return `Store.opened`.

    Args:
        read: reads a file of the store.

    Raises:
        OSError, ValueError: the version that counts cannot be read.
    """
    try:
        known: dict[str, Any] = json.loads(read(OPENED))
    except (OSError, ValueError):
        return {}
    try:
        name = read(CURRENT).strip()
    except FileNotFoundError:
        name = NOTHING
    version: dict[str, Any] = json.loads(read(f"{name}/{MANIFEST}")) if name != NOTHING else {"run": ""}
    if version["run"] != known["run"]:
        return known if name == known["base"] else {}
    return {**known, "base": name, "when": version["when"]} if version.get("checkpoint") else {}


def _listing(version: Path, member: str) -> Path:
    return version / f"{member}.json"
