"""Know after an ordered stop which files a database has: what is gone at the next start was removed by somebody else.

A server that opens such data fails in its own words, or starts without what the file had.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from . import settings
from .errors import Refused

FILE = "database-files.json"
"""Of the stack's directory: files by directory, as the last ordered stop left them; none while a job has the data."""

NAMED = 5
"""Names of files in a message."""


class KeptData:
    """The files of a stack's databases between two jobs."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / FILE

    def note(self, places: Iterable[str]) -> None:
        """Write down what is in some directories."""
        found = {place: sorted(_files(Path(place))) for place in places}
        settings.write(self._file, json.dumps(found, indent=1) + "\n")

    def take(self) -> None:
        """Forget it: a job opens the data.

        Raises:
            Refused: something is gone, and some of its names.
        """
        try:
            known: dict[str, list[str]] = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return
        gone = [f"{at}/{name}" for at, names in known.items() for name in {*names}.difference(_files(Path(at)))]
        if gone:
            named = ", ".join(sorted(gone)[:NAMED])
            more = f" and {len(gone) - NAMED} more" if len(gone) > NAMED else ""
            raise Refused(
                f"files of the database that the last stop left are gone: {named}{more}: bring them back (was the file "
                f"system purged?), and pulumi up. To go on without them, remove {self._file}"
            )
        self._file.unlink()


def _files(place: Path) -> Iterable[str]:
    for directory, _, names in os.walk(place):
        yield from (str((Path(directory) / name).relative_to(place)) for name in names)
