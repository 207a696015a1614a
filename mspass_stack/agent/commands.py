"""Run a command to its end, with a limit."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from .errors import Refused
from .login import daemon_environment
from .waiting import wait_until

PAUSE = 0.02
"""Seconds between two looks at a command; most are short."""

ENDED, NOT_RUN = 124, 127
"""Exit statuses of a command that took too long and of one that there is none of, as a shell has them."""


def run(argv: Sequence[str], seconds: float, environment: Mapping[str, str], directory: str = "") -> dict[str, Any]:
    """Run a command; it and all of its group are killed when the time is over, or when the user interrupts.

    Args:
        argv: the command; its program is looked for on the PATH of the environment.
        seconds: the longest that it may take.
        environment: all of it.
        directory: where it runs; ours when empty.

    Returns:
        `status` (as a shell's, 124 when it took too long) and `output`, both streams together.
    """
    # A file, for a pipe stays open as long as anything that the command leaves behind.
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                argv,
                env=dict(environment),
                cwd=directory or None,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            return {"status": NOT_RUN, "output": f"{argv[0]} does not run: {error}\n"}
        try:
            in_time = wait_until(lambda: process.poll() is not None, seconds, PAUSE)
        finally:
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            status = process.wait()
        output.seek(0)
        said = output.read().decode(errors="replace")
    if not in_time:
        return {"status": ENDED, "output": f"{said}\nkilled after {seconds:g} s\n"}
    return {"status": status if status >= 0 else 128 - status, "output": said}


def capture(argv: Sequence[str], seconds: float) -> tuple[int, str, str]:
    """Run a tool in the login environment; its exit status, and both streams apart.

    Raises:
        Refused: it does not run, or takes too long.
    """
    try:
        ran = subprocess.run(
            argv,
            env=daemon_environment(),
            cwd="/",  # `python -c` would import what happens to lie in ours.
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
        )
    except OSError as error:
        raise Refused(f"{argv[0]} does not run: {error}") from None
    except subprocess.TimeoutExpired:
        raise Refused(f"{argv[0]} has not answered within {seconds:g} s") from None
    return ran.returncode, ran.stdout, ran.stderr


def daemonize(argv: Sequence[str], marks: Mapping[str, str], seconds: float) -> str:
    """Run the command of a daemon until it has gone into the background.

    Args:
        argv: the command.
        marks: what its environment holds besides the login's.
        seconds: the longest that it may take.

    Returns:
        What it said when it failed; empty when it did not.
    """
    ran = run(argv, seconds, {**daemon_environment(), **marks})
    return f"{ran['output']}exit status {ran['status']}\n" if ran["status"] else ""
