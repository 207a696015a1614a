"""A Slurm job as a process manager: what runs is in the run directory, whether or not a job is there."""

import json
import shlex
from collections.abc import Sequence
from typing import Any

from mspass_stack.agent.job import AGENT, PYTHON
from mspass_stack.agent.job_supervisor import MARKER
from mspass_stack.machines import slurm_node
from mspass_stack.managers.base import Exit
from mspass_stack.managers.supervisord import Observed, Supervisord
from mspass_stack.spec.connection import ConnectionSpec
from mspass_stack.spec.gpus import key_of
from mspass_stack.spec.process import KeptUp, SlurmProcess
from mspass_stack.spec.topology import FIRST_NODE


class SlurmJobManager(Supervisord):
    """The supervisord of a stack's job; where there is none, the files that it will read."""

    def __init__(self, connection: ConnectionSpec, stack_dir: str, stack_id: str) -> None:
        self._first, self._node = slurm_node(connection.sibling(FIRST_NODE)), slurm_node(connection)
        super().__init__(self._first, stack_dir, stack_id)

    def find(self, program: str, python: str) -> str:
        """Return the program's own name: it is in the image."""
        return program

    def is_gone(self, found: Observed) -> bool:
        """Return whether its program is gone; the end of a job leaves it."""
        return not found.digest

    def execute(self, name: str, argv: Sequence[str], seconds: float) -> Exit:
        call = {"directory": self._stack_dir, "name": name, "argv": list(argv), "seconds": seconds}
        return Exit(**self._node.agent.call("run_beside", **call))

    def ensure(self, process: KeptUp, stack: str, digest: str) -> dict[str, Any]:
        assert isinstance(process, SlurmProcess)
        run = f"{self._stack_dir}/run"
        if not self._first.exists(f"{run}/{MARKER}"):
            self._first.make_directory(run, 0o700)
            self._first.write(f"{run}/{MARKER}", "the processes of this stack are kept up by its Slurm job\n")
        # Of a node that this job lacks, it is for the next one.
        has_node = process.host in self._first.allocation().get("nodes", {})
        ask = self._ask if has_node else self._first.login.agent.call
        return ask(
            "ensure",
            **({} if has_node else self._place),
            name=process.name,
            digest=digest,
            launcher=self.launcher(process, stack, digest),
            order=process.order,
            stop_signal="USR1",  # the one that srun hands on
            grace=process.stop_grace,
            ports=list(process.ports),
            supervisord=[],
            step=json.dumps(step_of(process), indent=1),
        )

    def launcher(self, process: KeptUp, stack: str, digest: str) -> str:
        """Return the script that becomes the srun of the process's step."""
        marks = self._marks(process, stack, digest)
        words = shlex.join(["launch", process.stack_dir, process.host, process.name])
        return "\n".join(
            [
                "#!/bin/sh",
                *(f"export {key}={shlex.quote(value)}" for key, value in marks.items()),
                f'exec "${PYTHON}" -I "${AGENT}" {words}',
                "",
            ]
        )

    def _ask(self, call: str, **arguments: Any) -> Any:
        agent = self._first.agent if self._first.allocation() else self._first.login.agent
        return agent.call(call, **self._place, **arguments)


def step_of(process: SlurmProcess) -> dict[str, Any]:
    """Return what the step of a process is told (`agent.step`)."""
    probed = process.probe
    # Pages for its own host alone are not where its peers find it.
    ports = [[probed.address if port == probed.port else process.address, port] for port in process.ports]
    return {
        "wrapper": list(process.wrapper),
        "argv": list(process.argv),
        "stop_signal": process.stop_signal,
        "host": process.host,
        "ports": ports,
        "room": process.room,
        "parts": process.parts,
        "data": process.directory if process.holds_data else "",
        "oom_score": process.oom_score,
        "gated": process.gated,
        "python": process.python,
        "modules": list(process.modules),
        "together": process.together,
        **({"gpus": {**process.gpus.dump(), "key": key_of(process.host)}} if process.gpus.count else {}),
        **({"stage": process.stage.dump()} if process.stage else {}),
    }
