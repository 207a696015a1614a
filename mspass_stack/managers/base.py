"""What a process manager is: who keeps processes up, on one machine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Exit:
    """How a command ended, and what it said on both its streams."""

    status: int
    output: str


class ProcessManager(Protocol):
    """Who keeps the processes of a stack up on a machine; `name` is a process's name there.

    Each call raises `Refused`, `EngineError` or `Unreachable` where it gets no answer.
    """

    def incarnation(self, name: str) -> str:
        """Return which run of a process this is; empty when it is not up."""
        ...

    def digest(self, name: str) -> str:
        """Return what a process was started as, by its own mark; empty when it is not up."""
        ...

    def state(self, name: str) -> str:
        """Return the manager's own word on a process; empty when it knows none."""
        ...

    def has_given_up(self, name: str) -> bool:
        """Return whether it tries no more to start a process, or knows none."""
        ...

    def exit_report(self, name: str) -> str:
        """Return how a process last ended, with the end of its log."""
        ...

    def log_tail(self, name: str, lines: int = 30) -> str:
        """Return the last lines of a process's log."""
        ...

    def stop(self, name: str) -> None:
        """Stop a process in its own way; absent is fine."""
        ...

    def halt(self, name: str) -> bool:
        """Stop a process that is to go on later; return whether it ran."""
        ...

    def resume(self, name: str) -> None:
        """Start a process that was halted."""
        ...

    def find(self, program: str, python: str) -> str:
        """Return a program's path where the processes run; those beside their interpreter go first."""
        ...

    def signal(self, name: str, signal: str) -> None:
        """Send a signal, named without SIG, to a process that is up."""
        ...

    def execute(self, name: str, argv: Sequence[str], seconds: float) -> Exit:
        """Run a command in the place and the environment of a process that is up; killed after `seconds`."""
        ...

    def run_once(
        self, argv: Sequence[str], image: str = "", directory: str = "", user: str = "", reads: Sequence[str] = ()
    ) -> Exit:
        """Run a command beside the processes.

        Args:
            image: what it runs in, where the manager's processes are containers.
            directory: that it may write to.
            user: uid:gid that it runs as, where the manager can say so.
            reads: files that it sees.
        """
        ...


class Images(Protocol):
    """The images that the containers of a stack are made of, on one machine.

    Each call raises `Refused`, `EngineError` or `Unreachable` where it gets no answer.
    """

    def pull(self, image: str, say: Callable[[str], None]) -> str:
        """Make sure that an image is there, and return words by which it is always the same."""
        ...

    def stamp(self, image: str) -> str:
        """Return what another image of the same name is known by; empty where there can be none."""
        ...

    def trouble(self, image: str) -> str | None:
        """Return why containers of an image would not run, or not find their peers; None where they do."""
        ...

    def run_once(self, argv: Sequence[str], image: str) -> Exit:
        """Run a command in an image."""
        ...

    def clear(self, image: str) -> None:
        """Remove what an interrupted `up` left and the state does not know; never the image."""
        ...
