"""What a host is and has now, asked in one go by a shell program: it may have neither Python nor `ss`."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mspass_stack.errors import Unreachable
from mspass_stack.machines.base import Machine

PROGRAM = r"""
echo "cores $(getconf _NPROCESSORS_ONLN)"
echo "memory $(awk '/^MemTotal:/ {printf "%.0f", $2 * 1024}' /proc/meminfo)"
echo "nofile $(ulimit -H -n)"
echo "machine $(uname -m)"
echo "features $(grep -m 1 -E '^(flags|Features)' /proc/cpuinfo | cut -d: -f2)"
awk '$4 == "0A" {print "listens", $2}' /proc/net/tcp /proc/net/tcp6 2>/dev/null
ss -Hltnp 2>/dev/null | sed 's/^/socket /'
echo "uid $(id -u)"
echo "user $(id -un)"
if [ -d /run/systemd/system ]; then
    sed -n -E 's/^ *(KillUserProcesses|RemoveIPC) *= *(yes|true|1|on) *$/logind \1/p' \
        /etc/systemd/logind.conf /etc/systemd/logind.conf.d/*.conf 2>/dev/null
    [ ! -e "/var/lib/systemd/linger/$(id -un)" ] || echo "logind Linger"
fi
stat -c 'directory_owner %u' "$1" 2>/dev/null
echo "owner $(cat "$1/.mspass-stack" 2>/dev/null | tr '\n' ' ')"
ls -A "$1" 2>/dev/null | sed 's/^/holds /'
for directory in "$1" "$2"; do
    [ -n "$directory" ] || continue
    there=$directory
    while [ ! -e "$there" ]; do there=$(dirname "$there"); done
    echo "anchor $directory $there"
    echo "filesystem $directory $(stat -f -c %T "$there" 2>/dev/null)"
    test -d "$there" && test -w "$there" && echo "writable $directory"
    echo "free $directory $(df -Pk "$there" | awk 'NR == 2 {size = $4} END {printf "%.0f", size * 1024}')"
done
shift 2
for name; do getent ahosts "$name" 2>/dev/null | awk -v "name=$name" 'NR == 1 {print "resolves", name, $1}'; done
echo "clock $(date +%s.%N)"
"""


@dataclass(frozen=True)
class Facts:
    """What one host says of itself.

    Attributes:
        memory: bytes; `free` disk in bytes and `filesystem` (as stat(1) names it) by directory.
        sockets: lines of `ss` about who listens, where the host has it.
        uid, user: who runs the program; `directory_owner` is the uid of the stack's directory, -1 where there is none.
        logind: settings of systemd's login manager that are on.
        owner: the mark of the stack's directory: stack, its id and which of its hosts.
        anchor: the nearest directory that exists, by directory.
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
    user: str = ""
    logind: frozenset[str] = frozenset()
    directory_owner: int = -1
    owner: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    anchor: Mapping[str, str] = field(default_factory=dict[str, str])
    writable: frozenset[str] = frozenset()
    free: Mapping[str, int] = field(default_factory=dict[str, int])
    filesystem: Mapping[str, str] = field(default_factory=dict[str, str])
    resolves: Mapping[str, str] = field(default_factory=dict[str, str])
    skew: float = 0.0
    doubt: float = 0.0

    def holder(self, port: int) -> str:
        """Return who listens on a port, as far as the host's user may know."""
        for line in self.sockets:
            if f":{port} " in line and '"' in line:
                name, pid = line.split('"')[1], line.partition("pid=")[2].partition(",")[0]
                return f"{name} (pid {pid})"
        return "a process of another user"


def gather(host: Machine, stack_dir: str, workdir: str, names: Sequence[str]) -> Facts:
    """Ask a host.

    Args:
        stack_dir, workdir: directories on it; the second may be empty.
        names: of all hosts, which it should resolve.

    Raises:
        Unreachable: it does not answer, or its shell does not.
    """
    before = time.time()
    # By its input: some login shells cannot take a program of many lines as a word.
    ran = host.run(["sh", "-s", "--", stack_dir, workdir, *names], PROGRAM)
    after = time.time()
    if ran.status:
        raise Unreachable(f"its shell does not work: {(ran.stderr or ran.stdout).strip()[-200:]}")
    return parse(ran.stdout, before, after)


def parse(text: str, before: float = 0.0, after: float = 0.0) -> Facts:
    """Read what the program printed.

    Args:
        before, after: this machine's clock around the program.
    """
    lines: dict[str, list[str]] = {}
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        lines.setdefault(key, []).append(value.strip())

    def one(key: str) -> str:
        return lines.get(key, [""])[0]

    nofile = one("nofile")
    return Facts(
        cores=int(one("cores") or 0),
        memory=int(one("memory") or 0),
        nofile=int(nofile) if nofile.isdigit() else 2**31,
        machine=one("machine"),
        features=frozenset(one("features").split()),
        ports=frozenset(int(place.rpartition(":")[2], 16) for place in lines.get("listens", [])),
        sockets=tuple(lines.get("socket", [])),
        uid=int(one("uid") or 0),
        user=one("user"),
        logind=frozenset(lines.get("logind", [])),
        directory_owner=int(one("directory_owner") or -1),
        owner=tuple(one("owner").split()),
        holds=tuple(lines.get("holds", [])),
        anchor={path: there for value in lines.get("anchor", []) for path, there in [_halves(value)]},
        writable=frozenset(lines.get("writable", [])),
        free={value.rpartition(" ")[0]: int(value.rpartition(" ")[2] or 0) for value in lines.get("free", [])},
        filesystem=dict(value.rsplit(" ", 1) for value in lines.get("filesystem", []) if " " in value),
        resolves=dict(value.split() for value in lines.get("resolves", [])),
        # The clock is the last thing that it says.
        skew=float(one("clock") or after) - after,
        doubt=after - before,
    )


def _halves(value: str) -> tuple[str, str]:
    """Take a path and one of its parents apart, blanks in both."""
    for index, character in enumerate(value):
        path, there = value[:index], value[index + 1 :]
        if character == " " and (path == there or path.startswith(f"{there.rstrip('/')}/")):
            return path, there
    return value, value
