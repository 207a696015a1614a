"""Find the processes of a stack by the marks in their environment."""

from __future__ import annotations

import os

from . import proc

STACK_ID, STACK, PROCESS, DIGEST = "MSPASS_STACK_ID", "MSPASS_STACK", "MSPASS_PROCESS", "MSPASS_DIGEST"
HOME = "MSPASS_STACK_HOME"
"""The marks in the environment of every process that we start; its children inherit them."""


def marked(stack_id: str, directory: str) -> dict[int, str]:
    """Find all that was started for a stack's directory: pid, and the process that it is or belongs to.

    supervisord itself belongs to the empty name. Whoever asks is none of them, nor is a parent of it: a terminal of the
    stack's own Jupyter has its marks too.
    """
    asking = proc.lineage(os.getpid())
    found = {pid: proc.marks_of(pid) for pid in proc.pids() if pid not in asking}
    return {
        pid: marks.get(PROCESS, "")
        for pid, marks in found.items()
        if (marks.get(STACK_ID), marks.get(HOME)) == (stack_id, directory)
    }
