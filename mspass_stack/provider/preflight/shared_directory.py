"""Whether hosts see one directory: an NFS home, say, where run directory, socket and data of both would be one."""

import secrets
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from mspass_stack.machines import machine
from mspass_stack.spec.connection import ConnectionSpec

PREFIX = ".mspass-probe-"


def shared_directories(anchors: Mapping[str, str], connections: Mapping[str, ConnectionSpec]) -> Iterator[str]:
    """Yield which hosts share their stack directory.

    Each host puts a file of its own name where its directory is or will be, and looks which it sees: numbers that name
    a file system are equal on hosts made from one image. The files go at once.

    Args:
        anchors: the nearest directory that exists, by host.
    """
    token = f"{PREFIX}{secrets.token_hex(6)}"

    def on(script: str, host: str) -> str:
        words = ["sh", "-c", script, "sh", anchors[host], f"{token}-{host}"]
        return machine(connections[host]).run(words).stdout

    with ThreadPoolExecutor(len(anchors)) as pool:
        try:
            list(pool.map(partial(on, ': > "$1/$2"'), anchors))
            seen = dict(zip(anchors, pool.map(partial(on, 'ls -A "$1"'), anchors), strict=True))
        finally:
            list(pool.map(partial(on, 'rm -f "$1/$2"'), anchors))
    for host, listing in seen.items():
        others = [other for other in anchors if other > host and f"{token}-{other}" in listing.split("\n")]
        if others:
            names = ", ".join(f"'{other}'" for other in others)
            yield (
                f"host '{host}': mspass:cluster.datadir: {anchors[host]} is one directory for {names} too (a shared "
                "file system): expected one on each host's own disk"
            )
