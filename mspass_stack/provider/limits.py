"""What a host is measured by before anything is started on it."""

import re
from collections.abc import Iterator, Mapping

MONGODB_DISK = 2 * 1024**3
"""Bytes free that a new mongod should find: its journal takes 300 MB, and on a full disk it stops writing."""

NOFILE = 64000
"""Open files that MongoDB recommends (MongoDB manual, "UNIX ulimit settings")."""

OWN = re.compile(
    r"^(db|db-version|log|run|scratch|secrets|data_(config|shard_[a-z0-9-]+)(\.addresses)?|\.mspass-stack)$"
)
"""What a stack's folder holds; with other things in it, it is somebody else's."""


def beyond_memory(wished: Mapping[str, int], total: int, whose: str) -> Iterator[str]:
    """Memory that a host does not have.

    Args:
        wished: bytes by YAML path.
        total: bytes that it has.
        whose: the host, as the message speaks of it.
    """
    if sum(wished.values()) > total:
        parts = ", ".join(f"{path} {size / 1024**3:.1f} GiB" for path, size in wished.items())
        yield f"memory: {parts}: more than {whose} {total / 1024**3:.1f} GiB"


def few_files(limit: int) -> Iterator[str]:
    """Fewer open files per process than MongoDB wants."""
    if limit < NOFILE:
        yield f"allows {limit} open files per process; MongoDB recommends {NOFILE}"
