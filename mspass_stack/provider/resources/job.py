"""`SlurmJob`: the job that gives a stack its nodes; at its end it is not gone but over."""

from typing import Any

from mspass_stack.provider.resources.base import Call, Resource, changed
from mspass_stack.provider.resources.given_job import GivenJob
from mspass_stack.provider.resources.slurm_job import Submission
from mspass_stack.provider.server.codec import Props, has_unknown
from mspass_stack.spec.job_resources import SlurmJobInputs


class SlurmJob(Resource[SlurmJobInputs]):
    """Outputs: `job`, its id; `ended`: `state`, `exit` and `when`, of one that is over."""

    model = SlurmJobInputs

    def create(self, call: Call) -> tuple[str, Props]:
        id = f"{call.inputs['stack']}/job"
        return id, {} if call.preview else self._job(call).ensure()

    def read(self, call: Call) -> Props:
        return call.outputs | self._job(call).seen(call.outputs["job"])

    def diff(self, call: Call) -> list[str]:
        names = changed(call.old_inputs, call.inputs, self.model.marked("unseen"))
        return names or (["ended"] if call.outputs.get("ended") else [])

    def update(self, call: Call) -> Props:
        if has_unknown(call.inputs["stackId"]):
            return {}
        job = self._job(call)
        ended: dict[str, Any] = call.outputs.get("ended") or {}
        job.announce(ended)
        if ended.get("unsaved"):
            call.say("warning", ended["unsaved"])
        return {} if call.preview else job.ensure(call.outputs["job"])

    def delete(self, call: Call) -> None:
        """End it in order."""
        job = self._job(call)
        job.finish()
        if unsaved := job.end(None).get("unsaved"):
            call.say("warning", unsaved)

    def _job(self, call: Call) -> Submission:
        inputs = self.parse(call.inputs)
        return GivenJob(call, inputs) if inputs.asked.current else Submission(call, inputs)
