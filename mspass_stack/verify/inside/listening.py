"""Run beside a process: where it and its children listen, be they many; prints [[address, port], ...].

Argument: its pid. Python 3.8 is enough.
"""

import json
import os
import socket
import struct
import sys
from pathlib import Path

MAPPED = "::ffff:"


def family(first: int) -> "set[int]":
    """Return a process and its descendants."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = {first}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def own(pids: "set[int]") -> "set[str]":
    """Return the sockets of processes."""
    found: set[str] = set()
    for link in (link for pid in pids for link in Path(f"/proc/{pid}/fd").glob("*")):
        try:
            found.add(os.readlink(str(link)))  # noqa: PTH115  Path.readlink came with Python 3.9
        except OSError:
            continue
    return found


def address(text: str) -> str:
    words = [struct.pack("=I", int(text[i : i + 8], 16)) for i in range(0, len(text), 8)]
    place = socket.inet_ntop(socket.AF_INET if len(words) == 1 else socket.AF_INET6, b"".join(words))
    # Of a socket for both kinds, as Java's are.
    return place[len(MAPPED) :] if place.startswith(MAPPED) else place


sockets = own(family(int(sys.argv[1])))
places: "list[tuple[str, int]]" = []
for table in ("/proc/net/tcp", "/proc/net/tcp6"):
    for line in Path(table).read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
            place, port = fields[1].split(":")
            places.append((address(place), int(port, 16)))
print(json.dumps(places))
