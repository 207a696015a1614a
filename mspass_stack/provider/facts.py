"""What a lab host is and has now, asked in one go by a shell program: it may have neither Python nor `ss`."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mspass_stack.machine import Machine, Unreachable

PROGRAM = r"""
echo "cores $(getconf _NPROCESSORS_ONLN)"
echo "memory $(awk '/^MemTotal:/ {printf "%.0f", $2 * 1024}' /proc/meminfo)"
echo "nofile $(ulimit -H -n)"
echo "machine $(uname -m)"
echo "features $(grep -m 1 -E '^(flags|Features)' /proc/cpuinfo | cut -d: -f2)"
awk '$4 == "0A" {print "listens", $2}' /proc/net/tcp /proc/net/tcp6 2>/dev/null
ss -Hltnp 2>/dev/null | sed 's/^/socket /'
echo "uid $(id -u)"
stat -c 'keeper %u' "$1" 2>/dev/null
echo "owner $(cat "$1/.mspass-stack" 2>/dev/null | tr '\n' ' ')"
ls -A "$1" 2>/dev/null | sed 's/^/holds /'
for folder in "$1" "$2"; do
    there=$folder
    while [ ! -e "$there" ]; do there=$(dirname "$there"); done
    test -d "$there" && test -w "$there" && echo "writable $folder"
    echo "free $folder $(df -Pk "$there" | awk 'NR == 2 {size = $4} END {printf "%.0f", size * 1024}')"
done
shift 2
for name; do getent ahosts "$name" 2>/dev/null | awk -v "name=$name" 'NR == 1 {print "resolves", name, $1}'; done
echo "clock $(date +%s.%N)"
"""


@dataclass(frozen=True)
class Facts:
    """What one host said.

    Attributes:
        memory: bytes; `free` disk in bytes by folder.
        sockets: lines of `ss` about who listens, where the host has it.
        uid: of the user of SSH; `keeper` that of the stack's folder, -1 where there is none.
        owner: name and id of the stack that the folder belongs to.
        resolves: the first address by name.
        skew: seconds that its clock is ahead of this machine's; `doubt` how far off that may be.
    """

    cores: int = 0
    memory: int = 0
    nofile: int = 0
    machine: str = ""
    features: frozenset[str] = frozenset()
    ports: frozenset[int] = frozenset()
    sockets: tuple[str, ...] = ()
    uid: int = 0
    keeper: int = -1
    owner: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    writable: frozenset[str] = frozenset()
    free: Mapping[str, int] = field(default_factory=dict[str, int])
    resolves: Mapping[str, str] = field(default_factory=dict[str, str])
    skew: float = 0.0
    doubt: float = 0.0

    def holder(self, port: int) -> str:
        """Who listens on a port, as far as the user of SSH may know."""
        for line in self.sockets:
            if f":{port} " in line and '"' in line:
                name, pid = line.split('"')[1], line.partition("pid=")[2].partition(",")[0]
                return f"{name} (pid {pid})"
        return "a process of another user"


def gather(host: Machine, home: str, workdir: str, names: Sequence[str]) -> Facts:
    """Ask a host.

    Args:
        home, workdir: folders of the stack on it.
        names: of all hosts, which it should resolve.

    Raises:
        Unreachable: it does not answer, or its shell does not.
    """
    before = time.time()
    ran = host.run(["sh", "-c", PROGRAM, "facts", home, workdir, *names])
    after = time.time()
    if ran.status:
        raise Unreachable(f"its shell does not work: {(ran.stderr or ran.stdout).strip()[-200:]}")
    return parse(ran.stdout, before, after)


def parse(text: str, before: float = 0.0, after: float = 0.0) -> Facts:
    """Read what the program printed.

    Args:
        before, after: this machine's clock around the program.
    """
    said: dict[str, list[str]] = {}
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        said.setdefault(key, []).append(value.strip())

    def one(key: str) -> str:
        return said.get(key, [""])[0]

    nofile = one("nofile")
    return Facts(
        cores=int(one("cores") or 0),
        memory=int(one("memory") or 0),
        nofile=int(nofile) if nofile.isdigit() else 2**31,
        machine=one("machine"),
        features=frozenset(one("features").split()),
        ports=frozenset(int(place.rpartition(":")[2], 16) for place in said.get("listens", [])),
        sockets=tuple(said.get("socket", [])),
        uid=int(one("uid") or 0),
        keeper=int(one("keeper") or -1),
        owner=tuple(one("owner").split()),
        holds=tuple(said.get("holds", [])),
        writable=frozenset(said.get("writable", [])),
        free={value.rpartition(" ")[0]: int(value.rpartition(" ")[2] or 0) for value in said.get("free", [])},
        resolves=dict(value.split() for value in said.get("resolves", [])),
        # The clock is the last thing that it says.
        skew=float(one("clock") or after) - after,
        doubt=after - before,
    )
