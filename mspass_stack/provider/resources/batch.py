"""`Batch`: what a job runs by itself: its file and its step are there before the job, and what became of it after."""

import json
from importlib.resources import files
from pathlib import PurePosixPath

from mspass_stack.agent.batch_run import ASKED, DIRECTORY, FAILED, INTERRUPTED, STEP, BatchRun
from mspass_stack.machines import slurm_node
from mspass_stack.machines.binaries import bytes_of
from mspass_stack.machines.slurm import SlurmNode
from mspass_stack.managers.slurm_job import step_of
from mspass_stack.provider.resources.base import Call, Resource
from mspass_stack.provider.server.codec import Props
from mspass_stack.spec.batch import BatchSpec
from mspass_stack.spec.binary import Binary
from mspass_stack.spec.job_resources import BatchInputs

NOTEBOOK = files("mspass_stack.agent").joinpath("notebook.py")

LINES = 15
"""Of a log, the last ones: the end of a traceback."""


class Batch(Resource[BatchInputs]):
    """Output `seen`: `id`, `state`, `exit` (-1 where it has none) and `log`, as they were seen last."""

    model = BatchInputs

    def create(self, call: Call) -> tuple[str, Props]:
        return f"{call.inputs['stack']}/batch", {} if call.preview else self._seen(call)

    def read(self, call: Call) -> Props:
        return call.outputs | self._seen(call)

    def _seen(self, call: Call) -> Props:
        inputs = self.parse(call.inputs)
        node, log = slurm_node(inputs.connection), f"{inputs.stack_dir}/log/{STEP}.log"
        run = BatchRun(node.read, f"{inputs.stack_dir}/run", node.allocation(), inputs.run)
        if run.state == FAILED:
            call.say(
                "warning",
                f"the batch run has failed with exit status {run.exit}; the end of its log:\n{_tail(node, log)}",
            )
        if run.state == INTERRUPTED:
            call.say(
                "warning",
                "the batch run was cut short by the end of its job: another number as mspass:cluster.batch.again runs "
                f"it again, `again: onRestart` in each next job; the end of its log:\n{_tail(node, log)}",
            )
        return {"seen": {"id": run.id, "state": run.state, "exit": -1 if run.exit is None else run.exit, "log": log}}


def write_batch(node: SlurmNode, run: str, batch: BatchSpec | None, source: str) -> None:
    """Write what a job runs by itself, or that it is nothing; the copy of a former `up` stays, with its results.

    Args:
        run: the run directory.
        source: path of the file on the control node.
    """
    place = f"{run}/{DIRECTORY}"
    if batch is None:
        node.remove(f"{place}/{ASKED}")
        return
    if not node.exists(batch.path):
        key, remedy = "mspass:cluster.batch.run", "type pulumi up again"
        content = bytes_of(Binary(sha256=batch.sha256, source=source, key=key, remedy=remedy))
        node.make_directory(str(PurePosixPath(batch.path).parent), 0o700)
        node.write(batch.path, content)
    node.make_directory(place, 0o700)
    python, *words = batch.argv
    program = ["-c", NOTEBOOK.read_text()] if batch.is_notebook else ["-u"]
    step = step_of(batch.beside) | {
        "argv": [python, *program, *words],
        "ports": [],
        "claim": f"{place}/{batch.id}.claim",
    }
    node.write(f"{run}/{STEP}.json", json.dumps(step, indent=1) + "\n")
    asked = {
        "id": batch.id,
        "host": batch.beside.host,
        "then": batch.then,
        "onRestart": batch.on_restart,
        "startWait": batch.start_wait,
        "gate": batch.gate,
    }
    # The last: what it speaks of is there.
    node.write(f"{place}/{ASKED}", json.dumps(asked, indent=1) + "\n")


def _tail(node: SlurmNode, log: str) -> str:
    try:
        return "\n".join(node.read(log).splitlines()[-LINES:])
    except OSError:
        return "(no log)"
