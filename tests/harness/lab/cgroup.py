"""The control groups of simulated hosts: in this machine's tree, one for a lab and one in it for each host."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from mspass_stack.polling import wait_until

ROOT = Path("/sys/fs/cgroup")


def thaw(lab: str, host: str) -> None:
    """Let what is paused be killed: of version 1, a frozen process only ends when it is thawed."""
    for group in _groups(lab, host):
        for state in group.glob("**/freezer.state"):
            with suppress(OSError):
                state.write_text("THAWED")


def remove(lab: str, host: str) -> None:
    """Remove a host's groups; its processes have ended."""
    wait_until(lambda: all([_is_removed(group) for group in _groups(lab, host)]), 10)


def of(lab: str) -> list[Path]:
    """The lab's own, which hold those of its hosts: one of version 2, one of each controller of version 1."""
    return [*ROOT.glob(lab), *ROOT.glob(f"*/{lab}")]


def _groups(lab: str, host: str) -> Iterator[Path]:
    for group in of(lab):
        yield from group.glob(host)


def _is_removed(group: Path) -> bool:
    with suppress(OSError):
        for directory in (*sorted(group.glob("**/"), reverse=True), group.parent):
            directory.rmdir()
    return not group.exists()
