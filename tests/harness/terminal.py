"""A command in a terminal of its own, and a user who answers what it asks."""

import os
import pty
import select
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path


class Typed:
    """A command that has ended, in whose terminal its user has typed.

    Args:
        answers: a word of each question, in their order, and what is typed then.
        limit: seconds that it may take.

    Attributes:
        output: all that the terminal has shown.
    """

    def __init__(
        self,
        argv: Sequence[str],
        answers: Iterable[tuple[str, str]],
        folder: Path,
        env: Mapping[str, str],
        limit: float = 60,
    ) -> None:
        self.output = ""
        left, answered, end = list(answers), 0, time.monotonic() + limit
        pid, terminal = pty.fork()
        if not pid:
            os.chdir(folder)
            os.execve(argv[0], list(argv), dict(env))
        try:
            while time.monotonic() < end:
                if not select.select([terminal], [], [], 1)[0]:
                    continue
                try:
                    more = os.read(terminal, 65536)
                except OSError:  # nobody has it open any more
                    break
                if not more:
                    break
                self.output += more.decode(errors="replace")
                if left and left[0][0] in self.output[answered:]:
                    # What was typed before a question is thrown away.
                    answered = len(self.output)
                    os.write(terminal, f"{left.pop(0)[1]}\n".encode())
        finally:
            with suppress(ProcessLookupError):
                if time.monotonic() >= end:
                    os.kill(pid, 9)
            os.close(terminal)
            self.status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
