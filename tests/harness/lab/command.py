"""A command of this machine, with what it said when it fails."""

import shlex
import subprocess

LIMIT = 300
"""Seconds that one command may take."""


class LabError(Exception):
    """The lab cannot do it; the text says why."""


def run(*argv: str, check: bool = True, stdin: str = "") -> str:
    """Run a command; its stdout.

    Raises:
        LabError: it failed, and `check` is set.
    """
    try:
        ran = subprocess.run(argv, input=stdin, capture_output=True, text=True, errors="replace", timeout=LIMIT)
    except subprocess.TimeoutExpired:
        raise LabError(f"{shlex.join(argv)} did not end within {LIMIT} seconds") from None
    if check and ran.returncode:
        output = f"{ran.stdout}{ran.stderr}"[-2000:]
        raise LabError(f"{shlex.join(argv)} ended with {ran.returncode}:\n{output}")
    return ran.stdout
