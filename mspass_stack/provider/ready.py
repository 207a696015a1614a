"""`Ready`: the gate that opens when a process does its job."""

from mspass_stack.provider.codec import Props
from mspass_stack.provider.probes import look
from mspass_stack.provider.resource import Call, InitFailed, Resource
from mspass_stack.provider.supervisor import Supervisor
from mspass_stack.provider.waiting import wait_until
from mspass_stack.rendered import RenderedProcess


class Ready(Resource):
    """Inputs: `process`, `stack`, `stackId`, `incarnations` (its own and those whose restart unsettles it)."""

    def create(self, call: Call) -> tuple[str, Props]:
        process = RenderedProcess.model_validate(call.inputs["process"])
        id = f"{call.inputs['stack']}/ready/{process.name}@{process.host}"
        if not call.preview:
            _wait(call, process, id)
        return id, {}

    def read(self, call: Call) -> Props:
        process = RenderedProcess.model_validate(call.inputs["process"])
        if missing := look(process.probe):
            raise InitFailed(call.id, call.outputs, f"{process.name} on host '{process.host}' is not ready: {missing}")
        return call.outputs


def _wait(call: Call, process: RenderedProcess, id: str) -> None:
    supervisor = Supervisor(process.home, call.inputs["stackId"])
    seen = ""

    def settled() -> str:
        nonlocal seen
        missing = look(process.probe)
        if not missing:
            return "ready"
        if missing != seen:
            seen = missing
            call.say("status", f"waiting: {missing}")
        return "gave up" if supervisor.state(process.name).get("statename", "FATAL") == "FATAL" else ""

    if wait_until(settled, process.probe.deadline) == "ready":
        return
    where = f"{process.probe.kind} at {process.probe.address}:{process.probe.port}"
    raise InitFailed(
        id,
        {},
        f"{process.name} on host '{process.host}' is not ready ({where}, within {process.probe.deadline} s): {seen}; "
        + supervisor.obituary(process.name),
    )
