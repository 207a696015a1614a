"""`Allocation`: the nodes of a job, once it runs and its supervisor lives."""

import json
from functools import partial
from typing import Any

from mspass_stack.agent.allocation import FILE
from mspass_stack.agent.job import JOB
from mspass_stack.agent.job_signs import BEAT, END
from mspass_stack.agent.staging import FILE as DATA
from mspass_stack.errors import InitFailed, Refused
from mspass_stack.machines import slurm_node
from mspass_stack.machines.slurm_login import JobStatus, SlurmLogin, alive
from mspass_stack.polling import wait_until
from mspass_stack.provider.resources.base import Call, Resource
from mspass_stack.provider.resources.rest import or_rest, rests
from mspass_stack.provider.server.codec import Props
from mspass_stack.spec.job_resources import AllocationInputs

PAUSE = 1.0
"""Seconds between two looks at a job."""

BEATS = 120.0
"""Seconds for a job that runs to have its supervisor up."""

HOPELESS = frozenset(
    {
        *(
            "PartitionConfig",
            "PartitionNodeLimit",
            "PartitionTimeLimit",
            "BadConstraints",
            "InvalidAccount",
            "InvalidQOS",
        ),
        *("AssocMaxNodePerJobLimit", "QOSMaxNodePerJobLimit", "AssocMaxWallDurationPerJobLimit"),
        *("QOSMaxWallDurationPerJobLimit", "DependencyNeverSatisfied"),
    }
)
"""Reasons for which a job waits that do not pass."""


class Allocation(Resource[AllocationInputs]):
    """Outputs: `incarnation`, which start of which job it is, empty where none runs; `nodes`, `end`."""

    model = AllocationInputs

    def create(self, call: Call) -> tuple[str, Props]:
        id = f"{call.inputs['stack']}/nodes"
        if call.preview:
            return id, {}
        inputs = self.parse(call.inputs)
        return id, or_rest(inputs.connection, _Wait(call, inputs, id).run, lambda: _last(inputs))

    def read(self, call: Call) -> Props:
        inputs = self.parse(call.inputs)
        _warn_without_checkpoints(call, inputs)
        if rests(inputs.connection):
            return call.outputs | _last(inputs)
        found = slurm_node(inputs.connection).allocation()
        return call.outputs | _observed(found if found.get("job") == inputs.job else {})

    def diff(self, call: Call) -> list[str]:
        return super().diff(call) or ([] if call.outputs.get("incarnation") else ["nodes"])


class _Wait:
    """One wait for a job."""

    def __init__(self, call: Call, inputs: AllocationInputs, id: str) -> None:
        self._call, self._inputs, self._id = call, inputs, id
        self._node = slurm_node(inputs.connection)
        self._slurm = SlurmLogin(self._node.login)

    def run(self) -> Props:
        """Wait until it runs and its supervisor beats; return the outputs.

        Raises:
            InitFailed: it waits longer than the config says, and goes on to wait.
            Refused: it will not start.
        """
        job = self._inputs.job
        if not wait_until(self._has_started, self._inputs.queue_wait, PAUSE):
            status = self._slurm.job(job)
            why = f"{status.reason}, estimated start {status.start}" if status else "Slurm says nothing of it"
            raise self._unready(
                f"job {job} waits: {why}; the cluster comes up without you, and pulumi up goes on from here"
            )
        self._call.say("status", f"job {job} runs: its supervisor starts")
        if not self._comes_up():
            raise self._unready(
                f"job {job} runs, and its supervisor does not start; the end of its log:\n{self._log()}"
            )
        data = self._known(DATA)
        if data.get("job") == self._inputs.job and data["lost"]:
            self._call.say("warning", data["lost"])
        self._node.agent.call("apply", directory=self._inputs.stack_dir, stack_id=self._inputs.stack_id)
        return _observed(self._node.allocation())

    def _comes_up(self) -> bool:
        """Wait until its supervisor is up, and as long as its data are on their way to the nodes."""
        while True:
            first = self._beats()
            if wait_until(partial(self._is_alive, first), BEATS, PAUSE):
                return True
            if self._beat().get("state") != "STAGING" or self._beats() == first:
                return False

    def _has_started(self) -> bool:
        status = self._slurm.job(self._inputs.job)
        if status is None or status.is_over:
            raise self._over(status.state if status else "Slurm has forgotten it")
        if status.state == "PENDING":
            self._refuse_hopeless(status)
            self._call.say("status", f"job {status.id} waits: {status.reason}, estimated start {status.start}")
        return status.state == "RUNNING"

    def _refuse_hopeless(self, status: JobStatus) -> None:
        if status.reason in HOPELESS:
            raise Refused(
                f"job {status.id} waits for what does not come: {status.reason}: change mspass:cluster.slurm and "
                "pulumi up, which submits another"
            )

    def _is_alive(self, first: int) -> bool:
        found = self._node.allocation()
        status = self._slurm.job(self._inputs.job)
        if status and status.is_over:
            raise self._over(status.state)
        if self._known(JOB).get("given") and (end := self._known(END)).get("job") == self._inputs.job:
            raise self._over(end["state"])  # and its job goes on
        if said := self._beat().get("said"):
            self._call.say("status", said)
        return (
            found.get("job") == self._inputs.job and self._beats() > first >= 0 and self._beat()["state"] == "RUNNING"
        )

    def _over(self, state: str) -> Refused:
        """Return the error of a job that is over: in its own words, else the end of its log."""
        end = self._known(END)
        said = str(end.get("why") or "") if end.get("job") == self._inputs.job else ""
        job, inputs = self._inputs.job, self._inputs
        others = alive(self._slurm.own(inputs.stack, inputs.stack_id, inputs.stack_dir))
        follows = f"\njob {others[0].id} follows: pulumi up goes on with that" if others else ""
        if said:
            return Refused(f"job {job} is over ({state}); {said}{follows}")
        return Refused(f"job {job} is over ({state}); the end of its log:\n{self._log()}{follows}")

    def _beats(self) -> int:
        beat = self._beat()
        return int(beat["count"]) if beat.get("job") == self._inputs.job else 0

    def _beat(self) -> dict[str, Any]:
        return self._known(BEAT)

    def _known(self, file: str) -> dict[str, Any]:
        try:
            return dict(json.loads(self._node.read(f"{self._inputs.stack_dir}/run/{file}")))
        except (OSError, ValueError):
            return {}

    def _log(self) -> str:
        try:
            return "\n".join(self._node.read(f"{self._inputs.stack_dir}/log/job.log").splitlines()[-15:])
        except OSError:
            return f"(no log: is {self._inputs.stack_dir} on a file system that the nodes share with the login host?)"

    def _unready(self, why: str) -> InitFailed:
        return InitFailed(self._id, _observed({}), why)


def _warn_without_checkpoints(call: Call, inputs: AllocationInputs) -> None:
    try:
        data = json.loads(slurm_node(inputs.connection).read(f"{inputs.stack_dir}/run/{DATA}"))
    except (OSError, ValueError):
        return
    if data.get("job") == inputs.job and data.get("checkpoint"):
        call.say("warning", data["checkpoint"])


def _last(inputs: AllocationInputs) -> Props:
    """Return the outputs of a job that is over: which one it was, and no nodes."""
    known = json.loads(slurm_node(inputs.connection).read(f"{inputs.stack_dir}/run/{FILE}"))
    return _observed({**known, "nodes": {}, "end": ""})


def _observed(found: dict[str, Any]) -> Props:
    incarnation = f"{found['job']}.{found['restart']}" if found else ""
    return {"incarnation": incarnation, "nodes": found.get("nodes", {}), "end": found.get("end", "")}
