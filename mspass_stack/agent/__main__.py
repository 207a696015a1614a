"""Start the agent from a command line."""

from __future__ import annotations

import sys
from collections.abc import Callable

from . import gate, interface, reverse, serve
from .contained import Contained, place_of
from .data_step import DataStep
from .errors import Refused
from .job import Job
from .node_check import NodeCheck
from .stage_step import StageStep
from .step import Step, launch

USAGE = """\
usage: serve                          answer one JSON request a line of standard input
       job DIRECTORY                  be the batch script of a stack's Slurm job
       launch DIRECTORY HOST PROCESS  become the srun of a process's step
       step DIRECTORY PROCESS         run the process on its node
       contain DIRECTORY PROCESS      run the process in its container on this host
       check DIRECTORY                look at this node before any process starts
       gate DIRECTORY                 wait until the scheduler of this node counts all workers
       reverse DIRECTORY LOGIN ADDRESS PORT SOCKET  lead a login host to a port of this node
       data DIRECTORY WORD ...        find, bring, keep or forget the data of this node's servers
       stage DIRECTORY WORD           bring what this node's workers want, or their results back
       interface NAME                 print this node's address there"""


def main() -> None:
    """Do what the first word says."""
    if len(sys.argv) < 2 or sys.argv[1] not in CALLS:
        sys.exit(USAGE)
    try:
        CALLS[sys.argv[1]](*sys.argv[2:])
    except Refused as refused:
        sys.exit(str(refused))


def _job(directory: str) -> None:
    sys.exit(Job(directory).run())


def _step(directory: str, name: str) -> None:
    sys.exit(Step(directory, name).run())


def _contain(directory: str, name: str) -> None:
    sys.exit(Contained(directory, name, place_of(directory, name)).run())


def _check(directory: str) -> None:
    NodeCheck(directory).run()


def _stage(directory: str, word: str) -> None:
    StageStep(directory).run(word)


def _data(directory: str, *words: str) -> None:
    DataStep(directory).run(*words)


CALLS: dict[str, Callable[..., None]] = {
    "serve": serve.main,
    "job": _job,
    "launch": launch,
    "step": _step,
    "contain": _contain,
    "check": _check,
    "gate": gate.main,
    "reverse": reverse.main,
    "data": _data,
    "stage": _stage,
    "interface": interface.tell,
}

if __name__ == "__main__":
    main()
