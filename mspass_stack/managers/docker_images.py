"""Images of a Docker engine: their names, the progress of a pull, and what is done with those of a stack."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mspass_stack.errors import EngineError
from mspass_stack.machines.base import Machine
from mspass_stack.managers.base import Exit
from mspass_stack.managers.docker_network import foreign_network

if TYPE_CHECKING:
    from mspass_stack.managers.docker_engine import DockerEngine


class DockerImages:
    """The images of a stack on an engine."""

    def __init__(self, engine: "DockerEngine", machine: Machine, stack_id: str) -> None:
        self._engine, self._machine, self._stack_id = engine, machine, stack_id

    def pull(self, image: str, say: Callable[[str], None]) -> str:
        return self._engine.pull(image, say)

    def stamp(self, image: str) -> str:
        return ""  # an engine keeps what it has once pinned

    def trouble(self, image: str) -> str | None:
        return foreign_network(self._engine, self._machine, image)

    def run_once(self, argv: Sequence[str], image: str) -> Exit:
        return self._engine.run_once(argv, image)

    def clear(self, image: str) -> None:
        """Remove all containers of the stack that the state does not know."""
        self._engine.remove_leftovers(self._stack_id)


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
