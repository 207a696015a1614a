"""A node of a Slurm job, reached by its login host: files there, all else by a step of the job."""

import json
import threading
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from mspass_stack.agent import slurm
from mspass_stack.agent.allocation import FILE
from mspass_stack.errors import NoJob
from mspass_stack.machines import relay
from mspass_stack.machines.agent import RemoteAgent
from mspass_stack.machines.base import Agent, Channel, CompletedCommand, Machine
from mspass_stack.machines.forward import forward_port
from mspass_stack.machines.shared_failure import SharedFailure
from mspass_stack.machines.slurm_login import SlurmLogin
from mspass_stack.machines.ways import Ways
from mspass_stack.spec.connection import ConnectionSpec

FRESH = 2.0
"""Seconds for which what was seen of the job holds."""


class SlurmNode:
    """A node of the job of a stack.

    Args:
        login: the machine on which Slurm is asked, and which has the shared file system.
        ways: to its ports.
    """

    remote = True

    def __init__(self, connection: ConnectionSpec, login: Machine, ways: Ways) -> None:
        self._spec, self.login, self._ways = connection, login, ways
        self._endpoints: dict[tuple[str, int], tuple[str, int]] = {}
        self._seen: dict[str, Any] = {}
        self._when = -FRESH
        self._lock = threading.Lock()
        self._failure = SharedFailure()
        self.agent: Agent = RemoteAgent(connection, self.dial)

    @property
    def way(self) -> str:
        """By which way its ports were reached, as far as one was."""
        return self._ways.known

    def allocation(self) -> dict[str, Any]:
        """Return what the job that runs has written down of itself (`agent.allocation`); nothing where none runs."""
        wanted = time.monotonic()
        with self._lock, self._failure.shared(wanted):
            if time.monotonic() - self._when > FRESH:
                self._seen, self._when = self._look_up(), time.monotonic()
            return self._seen

    def forget(self) -> None:
        """Hold nothing that was seen of the job for true any more: it was stopped."""
        with self._lock:
            self._when = -FRESH

    def dial(self, argv: Sequence[str]) -> Channel:
        """Start a command in a step of its own, on this node."""
        job, node = self._node()
        words = ["--job-name=mspass-agent", *slurm.STEP, f"--nodelist={node}", *self._spec.launcher]
        return self.login.dial(["srun", f"--jobid={job}", *words, *argv])

    def connect(self, address: str, port: int) -> Channel:
        """Return a connection to a port that the node sees; what is for the node alone is reached by a step."""
        real = self._real(address)
        if real == address:
            return relay.connect(self.agent, address, port)
        return self._ways.connect(self._spec.access, self.agent, real, port)

    def endpoint(self, address: str, port: int) -> tuple[str, int]:
        """Return a port of this machine: certificates name that one, and not the nodes of the day."""
        place = address, port
        with self._lock:
            if place not in self._endpoints:
                self._endpoints[place] = forward_port(partial(self.connect, address, port))
            return self._endpoints[place]

    def forward(self, address: str, port: int) -> tuple[str, int]:
        return forward_port(partial(self.connect, address, port), port)

    def look(self) -> None:
        self.login.look()
        self._node()

    def run(self, argv: Sequence[str], stdin: str = "") -> CompletedCommand:
        return self.login.run(argv, stdin)

    def make_directory(self, path: str, mode: int) -> None:
        self.login.make_directory(path, mode)

    def is_directory(self, path: str) -> bool:
        return self.login.is_directory(path)

    def is_empty(self, path: str) -> bool:
        return self.login.is_empty(path)

    def remove_directory(self, path: str) -> None:
        self.login.remove_directory(path)

    def exists(self, path: str) -> bool:
        return self.login.exists(path)

    def mode(self, path: str) -> int:
        return self.login.mode(path)

    def owner(self, path: str) -> tuple[int, int]:
        return self.login.owner(path)

    def read(self, path: str) -> str:
        return self.login.read(path)

    def write(self, path: str, content: str | bytes) -> None:
        self.login.write(path, content)

    def remove(self, path: str) -> None:
        self.login.remove(path)

    def _node(self) -> tuple[str, str]:
        """Return the job that runs, and Slurm's name of this node in it.

        Raises:
            NoJob: none runs, or it has no such node.
        """
        allocation = self.allocation()
        node = allocation.get("nodes", {}).get(self._spec.host)
        if node is None:
            raise NoJob(f"{self}: no job runs: pulumi up")
        return str(allocation["job"]), str(node["name"])

    def _real(self, address: str) -> str:
        """Return the address that a node has in this job, by the name that it has in all."""
        known = self.allocation().get("nodes", {}).get(address.partition(".")[0])
        return str(known["address"]) if known else address

    def _look_up(self) -> dict[str, Any]:
        try:
            known = json.loads(self.login.read(f"{self._spec.job}/run/{FILE}"))
        except (OSError, ValueError):
            return {}
        slurm, step = SlurmLogin(self.login), known.get("step")
        job = slurm.job(known["job"])
        is_up = job and job.state == "RUNNING" and (not step or step in slurm.steps(job.id))
        return known if is_up else {}

    def __str__(self) -> str:
        return str(self._spec)
