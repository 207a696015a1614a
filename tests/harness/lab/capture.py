"""What goes over the lab's network, as somebody at the switch reads it."""

import mmap
import signal
import subprocess
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

from tests.harness.lab.command import LabError
from tests.harness.lab.network import BRIDGE, SWITCH


@contextmanager
def capture(file: Path, *but: str) -> Generator[Path]:
    """Write every packet between the hosts into a file, until the block ends.

    Args:
        but: what is left out, in tcpdump's words.
    """
    words = ["ip", "netns", "exec", SWITCH, "tcpdump", "-i", BRIDGE, "-U", "-s", "0", "-B", "65536", "-Z", "root"]
    with subprocess.Popen([*words, "-w", str(file), *but], stderr=subprocess.PIPE, text=True) as dump:
        try:
            assert dump.stderr
            if "listening on" not in (output := dump.stderr.readline()):
                raise LabError(f"tcpdump: {output}{dump.stderr.read()}")
            yield file
        finally:
            dump.send_signal(signal.SIGINT)
            dump.communicate(timeout=30)


def told(file: Path, words: Iterable[str]) -> set[str]:
    """Return which words a capture shows."""
    with file.open("rb") as packets, mmap.mmap(packets.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return {word for word in words if content.find(word.encode()) >= 0}
