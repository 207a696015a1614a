"""What a host lacks, and what is worth a word, by its facts: the same for every machine. Pure."""

import re
from collections.abc import Callable, Iterator

from mspass_stack.provider.preflight.facts import Facts
from mspass_stack.spec.layout import OWNER
from mspass_stack.spec.resources import HostRequirements

MONGODB_DISK = 2 * 1024**3
"""Bytes free that a new mongod should find: its journal takes 300 MB, and on a full disk it stops writing."""

NOFILE = 64000
"""Open files that MongoDB recommends (MongoDB manual, "UNIX ulimit settings")."""

SKEW = 5.0
"""Seconds by which clocks may differ: certificates, tokens and logs are compared across hosts."""

AVX = frozenset({"avx", "atomics"})
"""MongoDB 5 and newer needs AVX, on ARM the atomics of v8.2 (MongoDB manual, "Platform support")."""

SOCKET_PATH = 100
"""Bytes that the path of a Unix socket may have (sun_path holds 108; supervisord adds a suffix while it binds)."""

FOREIGN = frozenset({"cifs", "exfat", "fuseblk", "msdos", "ntfs", "smb", "smb2"})
"""File systems of other operating systems, as stat(1) names them; fuseblk is what ntfs-3g mounts."""

OWN = re.compile(
    r"^(ca\.pem|client|database-files\.json|db|db-version|images|log|run|scratch|secrets|spark|stage|store|tls|data_(config|shard_[a-z0-9-]+)(_node\d+)?(\.addresses)?"
    r"|\.mspass-stack)$"
)
"""What a stack's directory holds; with other things in it, it is somebody else's."""

DATADIR = "mspass:cluster.datadir"

Holder = Callable[[int, str], str | None]
"""Returns who holds a port that a process of the stack is to have; None where that very process does."""


def problems(facts: Facts, asked: HostRequirements, host: str, stack_id: str, holder: Holder) -> Iterator[str]:
    """Yield what a host that answers lacks.

    Args:
        host: its key in the config.
        stack_id: of the stack; empty where it has none yet.
    """
    for number, port in asked.ports.items():
        if int(number) in facts.ports and (other := holder(int(number), port.process)):
            yield f"{port.path}: port {number} is held by {other}"
    yield from _stack_dir(facts, asked, host, stack_id)
    yield from _workdir(facts, asked)
    if sum(asked.memory.values()) > facts.memory:
        parts = ", ".join(f"{path} {size / 1024**3:.1f} GiB" for path, size in asked.memory.items())
        yield f"memory: {parts}: more than its {facts.memory / 1024**3:.1f} GiB"
    if asked.mongodb and not facts.features & AVX:
        yield f"its CPU ({facts.machine}) lacks AVX, which MongoDB needs"
    for name in asked.peers:
        if name not in facts.resolves:
            yield f"it cannot resolve '{name}', the address of another host: give it a DNS or /etc/hosts entry"
    if asked.peers and (own := facts.resolves.get(asked.address, "")).startswith("127."):
        yield (
            f"its own name '{asked.address}' is {own} there, where no other host reaches it: "
            "correct its /etc/hosts, or write its address on the network"
        )
    if abs(facts.skew) > SKEW + facts.doubt:
        yield f"its clock is {facts.skew:+.0f} s off the control node's: set up time synchronisation (chrony, ntp)"


def warnings(facts: Facts, asked: HostRequirements, remote: bool) -> Iterator[str]:
    """Yield what works and is worth a word."""
    if facts.nofile < NOFILE:
        yield f"allows {facts.nofile} open files per process; MongoDB recommends {NOFILE}"
    if _has_data(facts) and facts.free.get(asked.stack_dir, 0) < MONGODB_DISK:
        yield f"has less than {MONGODB_DISK // 1024**3} GiB free on the disk of {asked.stack_dir}"
    if remote and not asked.image and "Linger" not in facts.logind:
        for setting in sorted(facts.logind):
            yield (
                f"has {setting} set for its logins, which ends what we start there when nobody is logged in: type "
                f"there: sudo loginctl enable-linger {facts.user}"
            )


def _stack_dir(facts: Facts, asked: HostRequirements, host: str, stack_id: str) -> Iterator[str]:
    stack_dir = asked.stack_dir
    if not asked.image and len(f"{stack_dir}/run/supervisor.sock") > SOCKET_PATH:
        yield f"{DATADIR}: {stack_dir} is too long for a Unix socket in it: choose a shorter one"
    if not asked.image and "%" in stack_dir:
        yield f"{DATADIR}: {stack_dir}: supervisord cannot work in a directory with a % in its path"
    owner = dict(zip(("stack", "id", "host"), facts.owner, strict=False))
    if owner and owner.get("id") != stack_id:
        yield (
            f"{DATADIR}: {stack_dir} belongs to stack '{owner['stack']}' ({owner.get('id')}), of another clone or not "
            f"destroyed; of a host that was given up and came back: rm {stack_dir}/{OWNER} there"
        )
    elif owner and owner.get("host", host) != host:
        yield (
            f"mspass:cluster.hosts.{host}.address: this is host '{owner['host']}' of the stack, by the mark in "
            f"{stack_dir}: were two addresses exchanged?"
        )
    elif not owner and (foreign := sorted(name for name in facts.holds if not OWN.match(name))):
        names = ", ".join(foreign[:3])
        yield f"{DATADIR}: {stack_dir} holds what is not ours ({names}): choose a directory of its own"
    if facts.directory_owner not in (-1, facts.uid):
        yield (
            f"{DATADIR}: {stack_dir} belongs to uid {facts.directory_owner}, and the user there is uid {facts.uid}: "
            "log in as its owner"
        )
    if stack_dir not in facts.writable:
        yield f"{DATADIR}: {stack_dir} cannot be made or written by {facts.user}"
    elif (filesystem := facts.filesystem.get(stack_dir)) in FOREIGN:
        yield (
            f"{DATADIR}: {stack_dir} is on a file system ({filesystem}) that keeps no owners, modes and sockets as "
            "Linux does, so that its secrets would be anybody's: choose a directory on one of Linux's own"
        )
    elif asked.mongodb and not _has_data(facts) and facts.free.get(stack_dir, 0) < MONGODB_DISK:
        yield f"{DATADIR}: less than {MONGODB_DISK // 1024**3} GiB free on the disk of {stack_dir}"


def _workdir(facts: Facts, asked: HostRequirements) -> Iterator[str]:
    if asked.workdir and asked.workdir not in facts.writable:
        yield f"mspass:cluster.workdir: {asked.workdir} cannot be made or written by {facts.user}"
    if f"{asked.workdir}/".startswith(f"{asked.stack_dir}/"):
        yield (
            f"mspass:cluster.workdir: {asked.workdir} is in the stack's own directory {asked.stack_dir}, beside its "
            "secrets"
        )


def _has_data(facts: Facts) -> bool:
    """Return whether a database was there already: then an edit that makes room must be possible."""
    return bool({"db", "data_config"} & set(facts.holds)) or any(name.startswith("data_shard") for name in facts.holds)
