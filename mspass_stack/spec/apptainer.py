"""Images of Apptainer: files and directories that are there, or a file that is built from a URI once. Pure."""

import hashlib
import re
from collections.abc import Iterator, Sequence

from mspass_stack.spec.layout import StackLayout

COMMAND = ("apptainer",)
"""The program, by its usual name."""

SHA256 = "@sha256:"
"""Between a path and the digest of what is there."""

ARCHIVES = ("docker-archive:", "oci-archive:")
"""What goes before the path of a file that another tool has written."""

URIS = ("docker://", "oras://", *ARCHIVES)
"""What goes before an image that is to be built first."""

STEM = 40
"""Letters of an image's own name in that of the file that is built of it."""


def is_built(image: str) -> bool:
    """Return whether an image is to be built first."""
    return image.startswith(URIS)


def archive_of(image: str) -> str:
    """Return the path of the archive that an image is built from; empty where it is from elsewhere."""
    return next((image.removeprefix(scheme) for scheme in ARCHIVES if image.startswith(scheme)), "")


def image_path(image: str, stack_dir: str) -> str:
    """Return where the nodes of a job find an image: its own path, or the file that is built of it.

    That file's name depends on the URI alone, so it is known before there is one.
    """
    if not is_built(image):
        return image
    own = image.rpartition("/")[2].partition("@")[0]
    stem = re.sub(r"[^A-Za-z0-9.-]+", "-", own).strip("-.")[:STEM]
    return str(StackLayout(stack_dir).images / f"{stem}-{hashlib.sha256(image.encode()).hexdigest()[:8]}.sif")


def digest_of(pinned: str) -> str:
    """Return the digest in the words for an image at a path; empty where it has none."""
    return pinned.partition(SHA256)[2]


def path_of(pinned: str) -> str:
    """Return the path in the words for an image at a path."""
    return pinned.partition(SHA256)[0]


def bound(writes: Sequence[str], reads: Sequence[str]) -> Iterator[str]:
    """Yield the words by which a container has directories to write, and files to read, at their own paths."""
    for bind in dict.fromkeys([*writes, *(f"{path}:{path}:ro" for path in reads)]):
        yield from ["--bind", bind]
