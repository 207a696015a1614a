"""`Staged`: what the workers of a host have there before they start; their results go back when it is deleted."""

from dataclasses import replace
from typing import Any

from mspass_stack.errors import Refused
from mspass_stack.machines import machine
from mspass_stack.machines.staged import stage
from mspass_stack.provider.resources.base import Call, Resource
from mspass_stack.provider.server.codec import Props
from mspass_stack.spec.stage_resources import StagedInputs


class Staged(Resource[StagedInputs]):
    """Outputs: `sources`, a digest of what was brought; `observed`, that of what is in the sources now, or what is
    wrong."""

    model = StagedInputs

    def create(self, call: Call) -> tuple[str, Props]:
        id = f"{call.inputs['stack']}/staged@{call.inputs['connection']['host']}"
        return id, {} if call.preview else self._bring(call, "begin")

    def read(self, call: Call) -> Props:
        inputs = self.parse(call.inputs)
        known = {"directory": inputs.stack_dir, "spec": inputs.spec.dump()}
        try:
            found = machine(inputs.connection).agent.call("stage_look", **known)
        except Refused as refused:
            return call.outputs | {"observed": str(refused)}
        return call.outputs | {"observed": found["sources"] if found["is_whole"] else "not all is there"}

    def diff(self, call: Call) -> list[str]:
        drifted = call.outputs.get("observed") != call.outputs.get("sources")
        return super().diff(call) or (["sources"] if drifted else [])

    def update(self, call: Call) -> Props:
        if call.preview:
            return {}
        if call.old_inputs["stackDir"] != call.inputs["stackDir"]:
            self.delete(replace(call, inputs=call.before))
        return self._bring(call, "in")

    def delete(self, call: Call) -> None:
        inputs = self.parse(call.inputs)
        if not machine(inputs.connection).is_directory(f"{inputs.stack_dir}/stage"):
            return
        found = self._stage(call, inputs, "end")
        if found["files"]:
            call.say("info", f"{found['files']} results brought back")

    def _bring(self, call: Call, what: str) -> Props:
        found = self._stage(call, self.parse(call.inputs), what)
        call.say("info", f"{found['bytes'] / 2**20:.0f} MiB brought in {found['seconds']:.1f} s")
        return {"sources": found["sources"], "observed": found["sources"]}

    def _stage(self, call: Call, inputs: StagedInputs, what: str) -> dict[str, Any]:
        spec = inputs.spec.dump()
        return stage(inputs.connection, inputs.stack_dir, what, spec, lambda said: call.say("status", said))
