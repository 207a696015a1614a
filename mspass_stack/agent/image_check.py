"""Look into the image of a job: what the roles of a node are started with has to be in it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .programs import LACKS as LACKED

LIMIT = 40.0
"""Seconds for an image to run a command: the first node that reads it may wait for the file system."""

LACKS = "lacks "
"""Before the name of what is not there."""

LOOK = f"""
for program in $1; do command -v "$program" >/dev/null || echo "{LACKS}$program"; done
[ -z "$4" ] || "$2" -I -c "$3" $4
true
"""
"""A program for the shell of an image, whose arguments are programs, a Python, a program for that, and modules."""


def trouble(wrapper: Sequence[str], steps: Iterable[Mapping[str, Any]]) -> tuple[str, bool]:
    """Say what is wrong with the image on this node, and whether it runs at all; empty where nothing is.

    Args:
        wrapper: the words before a command that run it in the image.
        steps: what the steps of this node are told.
    """
    told = [step for step in steps if step["argv"]]
    modules = sorted({str(name) for step in told for name in step.get("modules", ())})
    python = next((str(step["python"]) for step in told if step.get("modules")), "")
    programs = sorted({*(str(step["argv"][0]) for step in told), *filter(None, [python])})
    words = [*wrapper, "/bin/sh", "-c", LOOK, "sh", " ".join(programs), python, LACKED, " ".join(modules)]
    try:
        ran = subprocess.run(
            words,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=LIMIT,
        )
    except subprocess.TimeoutExpired:
        return f"the image has not run a command within {LIMIT:.0f} s", True
    said = ran.stdout.decode(errors="replace").strip()
    if ran.returncode:
        return f"the image does not run here: {said or f'exit status {ran.returncode}'}", False
    lacking = [line[len(LACKS) :] for line in said.splitlines() if line.startswith(LACKS)]
    for line in said.splitlines():
        lacking += json.loads(line) if line.startswith("[") else []
    if not lacking:
        return "", True
    return f"the image has no {', '.join(lacking)}, which the roles of this node are started with", True
