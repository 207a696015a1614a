"""Ports for what a test starts."""

import itertools
import os
import socket
from contextlib import suppress

NUMBER = int(os.environ.get("MSPASS_LAB", "0"))
"""Which of the processes of the tests that run side by side this is, from 1 on; 0 is a person's own."""

SHARE = 2000
"""Ports of each process of the tests; all shares lie below 32768, where Linux begins to choose ports by itself.

A port that Linux had chosen would be one of those that it gives to whoever asks next, before the test's own daemon
has it or once that daemon has ended: few enough (odd, of the lower half) that it happens.
"""
FIRST = 12000 + SHARE * NUMBER
_turns = itertools.cycle(range(FIRST, FIRST + SHARE))


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now, and that no other process of the tests takes."""
    return list(itertools.islice(filter(_is_free, _turns), count))


def _is_free(port: int) -> bool:
    with socket.socket() as taken, suppress(OSError):
        taken.bind(("127.0.0.1", port))
        return True
    return False
