"""The secret files that a process reads at its start: another content restarts it."""

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath


def read_of(digests: Mapping[str, str], paths: Sequence[str]) -> dict[str, str]:
    """Return the digests of files that are read, by path.

    Args:
        digests: of all files of a host, by path.
        paths: of files, and of directories with some.
    """
    read = {*paths}
    return {path: digest for path, digest in digests.items() if {path, str(PurePosixPath(path).parent)} & read}
