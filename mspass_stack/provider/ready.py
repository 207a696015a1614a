"""`Ready`: the gate that opens when a process does its job."""

from typing import Protocol

from mspass_stack.engine import EngineError
from mspass_stack.provider.codec import Props
from mspass_stack.provider.image import engine_of
from mspass_stack.provider.machines import machine_of
from mspass_stack.provider.probes import look
from mspass_stack.provider.resource import Call, InitFailed, Resource
from mspass_stack.provider.retirement import retire
from mspass_stack.provider.supervisor import Supervisor
from mspass_stack.provider.waiting import wait_until
from mspass_stack.rendered import RenderedProcess


class Keeper(Protocol):
    """What keeps processes up: a supervisor, or a Docker engine."""

    def runs(self, name: str) -> str: ...
    def gave_up(self, name: str) -> bool: ...
    def obituary(self, name: str) -> str: ...


class Ready(Resource):
    """Inputs: `process`, `stack`, `stackId`, `reach` of its host and `probeReach` of the one that sees its probe,
    `engine`, `incarnations` (its own and those whose restart unsettles it), `scheduler` (of a contained worker)."""

    def create(self, call: Call) -> tuple[str, Props]:
        process = RenderedProcess.model_validate(call.inputs["process"])
        id = f"{call.inputs['stack']}/ready/{process.name}@{process.host}"
        return id, {} if call.preview else _wait(call, process, id)

    def read(self, call: Call) -> Props:
        process = RenderedProcess.model_validate(call.inputs["process"])
        if missing := look(process.probe, machine_of(call.inputs, "probeReach")):
            raise InitFailed(call.id, call.outputs, f"{process.name} on host '{process.host}' is not ready: {missing}")
        keeper, name = _kept(process, call)
        return call.outputs | {"incarnation": keeper.runs(name)}

    def delete(self, call: Call) -> None:
        """A gate closes before its process ends, which is when workers are retired."""
        if call.inputs.get("scheduler"):
            retire(call.inputs, call.inputs["process"]["name"], call)


def _kept(process: RenderedProcess, call: Call) -> tuple[Keeper, str]:
    """Who keeps a process up, and under which name."""
    if process.container:
        return engine_of(call.inputs), process.container
    return Supervisor(process.home, call.inputs["stackId"]), process.name


def _wait(call: Call, process: RenderedProcess, id: str) -> Props:
    keeper, name = _kept(process, call)
    seen, looks, incarnation, host = "", 0, "", machine_of(call.inputs, "probeReach")

    def settled() -> str:
        nonlocal seen, looks, incarnation
        try:
            if not (missing := look(process.probe, host)):
                incarnation = keeper.runs(name)
                return "ready"
            # An engine is asked now and then: it is busy with starting just now.
            looks += 1
            if looks % 10 == 0 and keeper.gave_up(name):
                return "gave up"
        except EngineError as error:
            missing = str(error)
        if missing != seen:
            seen = missing
            call.say("status", f"waiting: {missing}")
        return ""

    if wait_until(settled, process.probe.deadline) == "ready":
        return {"incarnation": incarnation}
    try:
        end = keeper.obituary(name)
    except EngineError as error:
        end = str(error)
    where = f"{process.probe.kind} at {process.probe.address}:{process.probe.port}"
    waited = f"{where}, within {process.probe.deadline} s"
    raise InitFailed(
        id, {"incarnation": ""}, f"{process.name} on host '{process.host}' is not ready ({waited}): {seen}; {end}"
    )
