"""What a job is told of the login hosts to which it dials out (`mspass_stack.agent.reverse`)."""

import hashlib

from mspass_stack.agent.job import AGENT, PYTHON
from mspass_stack.spec.process import SlurmProcess
from mspass_stack.spec.topology import Process, Topology

LATER = 50
"""How much later than that one they are started; they are stopped before it."""

GRACE = 20
"""Seconds to leave no socket behind."""

LETTERS = 40
"""Of a stack's name in that of its socket, whose path is short."""


def place(topology: Topology) -> Process | None:
    """Return the process whose page is led to: Jupyter, since no other asks for a password; None where nothing is."""
    asked = topology.job and topology.job.reverse
    return next((process for process in topology.processes if process.role == "frontend"), None) if asked else None


def processes(topology: Topology, pages: SlurmProcess) -> list[SlurmProcess]:
    """Return a process for each login host: on the node with the pages and outside of containers, where the user's own
    keys are.

    Args:
        pages: the process that has them.
    """
    assert topology.job
    known = hashlib.sha256(pages.stack_dir.encode()).hexdigest()[:8]
    socket = f"jupyter-{topology.stack[:LETTERS]}-{known}"
    there = (pages.probe.address, str(pages.probe.port), socket)
    run = f'exec "${PYTHON}" -I "${AGENT}" reverse "$@"'
    return [
        SlurmProcess(
            name=f"reverse-{login}",
            role="reverse",
            host=pages.host,
            stack_dir=pages.stack_dir,
            order=pages.order + LATER,
            argv=("/bin/sh", "-c", run, "sh", pages.stack_dir, login, *there),
            environment={},
            env_files=(),
            path=(),
            directory="/",
            address=pages.address,
            ports=(),
            stop_signal="TERM",
            stop_grace=GRACE,
            reads=(),
            writes=(),
            memory=0,
            cpus=0,
            probe=pages.probe,
            wrapper=(),
            parts=1,
        )
        for login in topology.job.reverse
    ]
