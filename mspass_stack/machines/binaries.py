"""Files that are no texts: read on the control node, and told apart on a machine by their digests."""

import hashlib
from base64 import b64decode
from collections.abc import Iterable
from pathlib import Path

from mspass_stack.errors import Refused
from mspass_stack.machines.base import Machine
from mspass_stack.spec.binary import Binary


def bytes_of(binary: Binary) -> bytes:
    """Return the bytes of a file.

    Raises:
        Refused: its source is not there, or is another file; the text is for the user, with the YAML path.
    """
    if not binary.source:
        return b64decode(binary.content)
    try:
        found = Path(binary.source).read_bytes()
    except OSError as error:
        raise Refused(f"{binary.key}: {binary.source}: {error.strerror}: {binary.remedy}") from None
    if (digest := hashlib.sha256(found).hexdigest()) != binary.sha256:
        raise Refused(
            f"{binary.key}: {binary.source} is another file: its SHA-256 begins with {digest[:8]}, not with "
            f"{binary.sha256[:8]}: {binary.remedy}"
        )
    return found


def digests(machine: Machine, paths: Iterable[str]) -> dict[str, str]:
    """Return the SHA-256 of files that are there, by path."""
    if not (words := list(paths)):
        return {}
    lines = machine.run(["sha256sum", "--", *words]).stdout.splitlines()
    found = {path: digest for digest, _, path in (line.partition("  ") for line in lines)}
    # What a login shell says of its own is none of them.
    return {path: found[path] for path in words if path in found}
