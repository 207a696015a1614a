"""Read what Linux says about processes in /proc."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

PROC = Path("/proc")


def incarnation(pid: int) -> str:
    """Name one run of a process: pid, its start in clock ticks since boot, and the boot; empty when it is gone.

    A process that has ended and only waits for its parent to notice is gone.
    """
    fields = _fields(pid)
    if not fields or fields[0] in "ZX":
        return ""
    boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()[:8]
    return f"{pid}-{fields[19]}-{boot}"


def marks_of(pid: int) -> dict[str, str]:
    """Read the environment that a process was started with; empty when it is gone or not ours to read."""
    try:
        words = (PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return {}
    return dict(os.fsdecode(word).split("=", 1) for word in words if b"=" in word)


def pids() -> list[int]:
    """List all processes."""
    return sorted(int(path.name) for path in PROC.iterdir() if path.name.isdigit())


def children(pid: int) -> list[int]:
    """List the children of a process, and theirs, parents first."""
    of: dict[int, list[int]] = {}
    for child in pids():
        of.setdefault(parent(child), []).append(child)
    found = list(of.get(pid, []))
    for child in found:  # It grows meanwhile.
        found.extend(of.get(child, []))
    return found


def in_container(own: Path) -> int:
    """Find what runs in a container, by the directory where its start is noted; 0 where nothing does."""
    try:
        started = int((own / "pid").read_text())
    except (OSError, ValueError):
        return 0
    # Apptainer's own stays before it; beside it is who reads the image.
    return next(iter(children(started)), started)


def lineage(pid: int) -> list[int]:
    """List a process and its parents, youngest first."""
    found: list[int] = []
    while pid and pid not in found:
        found.append(pid)
        pid = parent(pid)
    return found


def parent(pid: int) -> int:
    """Name the parent of a process; 0 when there is none."""
    fields = _fields(pid)
    return int(fields[1]) if fields else 0


def owner(pid: int) -> str:
    """Name the user of a process; empty when it is gone."""
    try:
        lines = (PROC / str(pid) / "status").read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return user_name(next((int(line.split()[1]) for line in lines if line.startswith("Uid:")), 0))


def user_name(number: int) -> str:
    """Name a user by number; the number itself where no list of users has it."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def name(pid: int) -> str:
    """Name the program of a process; empty when it is gone."""
    try:
        short = (PROC / str(pid) / "comm").read_text(errors="replace").rstrip("\n")
        first = os.fsdecode((PROC / str(pid) / "cmdline").read_bytes().split(b"\0")[0])
    except OSError:
        return ""
    # Linux keeps 15 letters of it.
    whole = Path(first).name
    return whole if len(short) == 15 and whole.startswith(short) else short


def directory(pid: int) -> str:
    """Find the working directory of a process; Linux adds " (deleted)" to one that was removed; empty when unknown."""
    return _link(PROC / str(pid) / "cwd")


def is_lost(pid: int) -> bool:
    """Whether somebody removed the directory that a process works in: it runs, and what it asks for is gone."""
    working = directory(pid)
    return not working or working.endswith(" (deleted)")


def sockets(pid: int) -> set[int]:
    """List the inodes of the sockets that a process has open; empty when it is not ours to see."""
    found: set[int] = set()
    try:
        for path in (PROC / str(pid) / "fd").iterdir():
            target = _link(path)
            if target.startswith("socket:["):
                found.add(int(target[len("socket:[") : -1]))
    except OSError:
        pass  # What was seen until then counts.
    return found


def _link(path: Path) -> str:
    try:
        return os.readlink(path)  # noqa: PTH115  Path.readlink came with Python 3.9
    except OSError:
        return ""


def _fields(pid: int) -> list[str]:
    """Split the line of `stat` after the name, which may hold anything: state, parent, and so on."""
    try:
        return (PROC / str(pid) / "stat").read_text(errors="replace").rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return []
