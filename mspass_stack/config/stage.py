"""`Stage`: directories that are brought to the workers' hosts, and results that are brought back."""

import posixpath
from typing import Annotated

from pydantic import AfterValidator, Field

from mspass_stack.config.model import Model, like

TEMPORARY = "/tmp"
"""The directory in which MsPASS's own script puts what MSPASS_SCRATCH_DATA_DIR names."""


def _plain(path: str) -> str:
    if posixpath.normpath(path) != (path.rstrip("/") or "/"):
        raise ValueError("expected a path without . and .. in it")
    return path.rstrip("/") or "/"


Absolute = Annotated[
    str, like(r"^/[^\s:,]*$", "an absolute path without blank, colon and comma"), AfterValidator(_plain)
]


class StageIn(Model):
    """A directory that each host of workers has a copy of."""

    source: Absolute = Field(
        alias="from",
        description="the directory: of a lab on each host with workers, on Slurm on the shared file system",
    )
    to: Absolute | None = Field(
        default=None,
        description="where workers see the copy, in their container, or on the host where they run in none; by default "
        "the name of `from` in `/tmp`",
    )

    @property
    def seen(self) -> str:
        """The path by which workers see it."""
        return self.to or f"{TEMPORARY}/{posixpath.basename(self.source)}".rstrip("/")


class StageOut(Model):
    """A directory of results, whose files each host of workers brings back."""

    seen: Absolute = Field(
        alias="from", description="where workers write, in their container, or on the host; empty at the beginning"
    )
    to: Absolute = Field(
        description="the directory to which files are brought, in a directory named after their host; on Slurm on the "
        "shared file system"
    )


class Stage(Model):
    """What is brought to the hosts of workers before these start, and back after they have stopped."""

    bring: tuple[StageIn, ...] = Field(default=(), alias="in", description="directories that are brought")
    back: tuple[StageOut, ...] = Field(default=(), alias="out", description="directories of results")
