"""What goes over the lab's network, as somebody at the switch reads it."""

import mmap
import signal
import socket
import subprocess
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

from mspass_stack.polling import wait_until
from tests.harness.lab.command import LabError
from tests.harness.lab.network import BRIDGE, LAB

DISCARD = 9
"""The port of a service that answers nothing (RFC 863)."""


@contextmanager
def capture(file: Path) -> Generator[Path]:
    """Write every packet between the hosts into a file, until the block ends."""
    words = ["ip", "netns", "exec", LAB.switch, "tcpdump", "-i", BRIDGE, "-U", "-s", "0", "-B", "65536", "-Z", "root"]
    with subprocess.Popen([*words, "-w", str(file)], stderr=subprocess.PIPE, text=True) as dump:
        try:
            assert dump.stderr
            if "listening on" not in (output := dump.stderr.readline()):
                raise LabError(f"tcpdump: {output}{dump.stderr.read()}")
            yield file
            drain(file)
        finally:
            dump.send_signal(signal.SIGINT)
            dump.communicate(timeout=30)


def drain(file: Path) -> None:
    """Wait until all that was said before now is in a file: packets are written in their order, some time after."""
    last = token_hex(16)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)

        def written() -> bool:
            sender.sendto(last.encode(), (f"{LAB.subnet}.255", DISCARD))
            return bool(told(file, [last]))

        if not wait_until(written, 60, 0.5):
            raise LabError(f"tcpdump does not write what it hears into {file}")


def told(file: Path, words: Iterable[str]) -> set[str]:
    """Return which words a capture shows."""
    if not file.stat().st_size:
        return set()
    with file.open("rb") as packets, mmap.mmap(packets.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return {word for word in words if content.find(word.encode()) >= 0}
