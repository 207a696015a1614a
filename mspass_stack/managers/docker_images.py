"""Images of a Docker engine: their names, and the progress of a pull."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mspass_stack.errors import EngineError


def split_name(name: str) -> tuple[str, str]:
    """Return repository and tag (or digest) of an image's name; a registry's port is no tag."""
    if "@" in name:
        repository, _, digest = name.partition("@")
        return repository, digest
    repository, separator, tag = name.rpartition(":")
    return (repository, tag) if separator and "/" not in tag else (name, "latest")


def pinned(name: str, found: Mapping[str, Any]) -> str:
    """Return the name by which an image is always the same: its digest at its registry, else its id here.

    Args:
        found: what the engine says of it.
    """
    digests: list[str] = found.get("RepoDigests") or []
    repository = name.split("@", maxsplit=1)[0].rsplit(":", 1)[0]
    own = [digest for digest in digests if digest.split("@", maxsplit=1)[0] == repository]
    return [*own, str(found["Id"])][0]


def report(name: str, lines: Iterable[dict[str, Any]], say: Callable[[str], None]) -> None:
    """Say how far a pull is, with a line for each step of its layers that is big enough to wait for.

    Raises:
        EngineError: the registry refuses.
    """
    sizes: dict[str, tuple[int, int]] = {}
    for line in lines:
        if "error" in line:
            raise EngineError(f"image {name}: {line['error']}")
        progress: dict[str, int] = line.get("progressDetail") or {}
        if progress.get("total"):
            sizes[line["id"]] = (progress["current"], progress["total"])
            done, total = (sum(size[i] for size in sizes.values()) // 1_000_000 for i in (0, 1))
            say(f"{line['status'].lower()} {name}: {done} of {total} MB")


NOT_OF_THE_GROUP = (
    "its socket is not for this user (Permission denied): sudo usermod -aG docker USER, then log in again; or name an "
    "engine of your own by DOCKER_HOST"
)
"""Of an engine that answers others."""


def reason(error: Exception) -> str:
    """Return what the engine said, without the HTTP around it."""
    said = getattr(error, "explanation", None) or getattr(error, "stderr", None) or error
    text = (said.decode(errors="replace") if isinstance(said, bytes) else str(said)).strip()
    return NOT_OF_THE_GROUP if "Permission denied" in text else text
