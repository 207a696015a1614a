"""The control groups of the hosts' containers: in this machine's tree, one for the lab and one in it for each host."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from mspass_stack.polling import wait_until
from tests.harness.lab.network import LAB

ROOT = Path("/sys/fs/cgroup")


def thaw(host: str) -> None:
    """Let paused containers be killed: of version 1, a frozen process only ends when it is thawed."""
    for group in _groups(host):
        for state in group.glob("*/freezer.state"):
            with suppress(OSError):
                state.write_text("THAWED")


def remove(host: str) -> None:
    """Remove a host's groups; its processes have ended."""
    wait_until(lambda: all([_is_removed(group) for group in _groups(host)]), 10)


def of_lab() -> list[Path]:
    """The lab's own, which hold those of its hosts: one of version 2, one of each controller of version 1."""
    return [*ROOT.glob(LAB), *ROOT.glob(f"*/{LAB}")]


def _groups(host: str) -> Iterator[Path]:
    for lab in of_lab():
        yield from lab.glob(host)


def _is_removed(group: Path) -> bool:
    with suppress(OSError):
        for directory in (*sorted(group.glob("**/"), reverse=True), group.parent):
            directory.rmdir()
    return not group.exists()
