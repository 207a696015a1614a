"""Who listens on a port of this machine, and whose process it is."""

from dataclasses import dataclass

import psutil

STACK_ID, STACK, PROCESS, DIGEST = "MSPASS_STACK_ID", "MSPASS_STACK", "MSPASS_PROCESS", "MSPASS_DIGEST"
HOME = "MSPASS_STACK_HOME"
"""The marks in the environment of every process that we start; its children inherit them."""


@dataclass(frozen=True)
class Listener:
    """A process that holds a port; pid 0 where the system does not tell us."""

    port: int
    pid: int
    name: str
    user: str
    stack_id: str
    stack: str

    def __str__(self) -> str:
        if self.stack:
            return f"{self.name} (pid {self.pid}) of stack '{self.stack}'"
        return f"{self.name} (pid {self.pid}, user {self.user})" if self.pid else "a process of another user"


def marks_of(pid: int) -> dict[str, str]:
    """The environment of a process; empty when it is gone or not ours to read."""
    try:
        return psutil.Process(pid).environ()
    except psutil.Error:
        return {}


def marked(stack_id: str, home: str) -> dict[int, str]:
    """All processes that were started for a stack's folder: pid, and the process that it is or belongs to.

    supervisord itself belongs to the empty name.
    """
    found = {pid: marks_of(pid) for pid in psutil.pids()}
    return {
        pid: marks.get(PROCESS, "")
        for pid, marks in found.items()
        if (marks.get(STACK_ID), marks.get(HOME)) == (stack_id, home)
    }


def listeners(ports: frozenset[int]) -> list[Listener]:
    """Everything that listens on one of these TCP ports."""
    found: dict[int, Listener] = {}
    for connection in psutil.net_connections("tcp"):
        port = connection.laddr.port if connection.laddr else 0
        if connection.status == psutil.CONN_LISTEN and port in ports:
            found.setdefault(port, _listener(port, connection.pid or 0))
    return list(found.values())


def _listener(port: int, pid: int) -> Listener:
    marks = marks_of(pid) if pid else {}
    try:
        process = psutil.Process(pid) if pid else None
        name, user = (process.name(), process.username()) if process else ("?", "?")
    except psutil.Error:
        name, user = "?", "?"
    return Listener(port, pid, name, user, marks.get(STACK_ID, ""), marks.get(STACK, ""))
