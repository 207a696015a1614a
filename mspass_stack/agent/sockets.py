"""Tell who listens on a port of this machine, and whose process it is."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from . import marks, proc

LISTENING = "0A"
"""Linux's number of the state in which a socket waits for connections."""


def listeners(ports: Iterable[int]) -> list[dict[str, Any]]:
    """List what listens on these TCP ports, one for a port.

    Returns:
        `port`, `pid`, `name`, `user`, and the marks `stack_id`, `stack` and `process` (empty for a stranger's); pid 0
        where Linux does not show us the process, which is another user's.
    """
    wanted = set(ports)
    open_ones = [entry for table in ("tcp", "tcp6") for entry in _listening(table) if entry[0] in wanted]
    holders = _holders({inode for _, inode, _ in open_ones})
    found: dict[int, dict[str, Any]] = {}
    for port, inode, user in open_ones:
        found.setdefault(port, _listener(port, holders.get(inode, 0), user))
    return list(found.values())


def described(listener: dict[str, Any]) -> str:
    """Say in the user's words who that is."""
    pid, name = listener["pid"], listener["name"]
    if listener["stack"]:
        return f"{name} (pid {pid}) of stack '{listener['stack']}'"
    return f"{name} (pid {pid}, user {listener['user']})" if pid else "a process of another user"


def _listening(table: str) -> list[tuple[int, int, int]]:
    """Read port, inode and number of the user of each socket that listens."""
    try:
        lines = Path("/proc/net", table).read_text().splitlines()[1:]
    except OSError:  # A kernel without IPv6.
        return []
    rows = [line.split() for line in lines]
    return [(int(row[1].rsplit(":", 1)[1], 16), int(row[9]), int(row[7])) for row in rows if row[3] == LISTENING]


def _holders(inodes: set[int]) -> dict[int, int]:
    """Find the process of each socket; of a process and its forks, the one with the lowest pid."""
    found: dict[int, int] = {}
    for pid in proc.pids() if inodes else ():
        for inode in proc.sockets(pid) & inodes:
            found.setdefault(inode, pid)
    return found


def _listener(port: int, pid: int, user: int) -> dict[str, Any]:
    said = proc.marks_of(pid) if pid else {}
    return {
        "port": port,
        "pid": pid,
        "name": (proc.name(pid) if pid else "") or "?",
        "user": proc.user_name(user),
        "stack_id": said.get(marks.STACK_ID, ""),
        "stack": said.get(marks.STACK, ""),
        "process": said.get(marks.PROCESS, ""),
    }
