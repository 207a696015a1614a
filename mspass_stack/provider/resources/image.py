"""`ContainerImage`: the image of a stack's containers, resolved once, seen to have what the roles need."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mspass_stack.agent.programs import LACKS, VERSIONS, words_of
from mspass_stack.errors import EngineError, Refused
from mspass_stack.machines import machine
from mspass_stack.managers import engine_of
from mspass_stack.provider.preflight.compatibility import refusal
from mspass_stack.provider.preflight.host_network import foreign_network
from mspass_stack.provider.resources.base import Call, Resource
from mspass_stack.provider.server.codec import Props
from mspass_stack.spec.resources import ContainerImageInputs

if TYPE_CHECKING:
    from mspass_stack.managers.docker_engine import DockerEngine


class ContainerImage(Resource[ContainerImageInputs]):
    """Outputs: `pinned`, the image by its digest or id, and `versions` of its Python."""

    model = ContainerImageInputs

    def create(self, call: Call) -> tuple[str, Props]:
        id = f"{call.inputs['stack']}/image@{call.inputs['host']}"
        if call.preview:
            # Of the same image as before the preview knows that nothing that is made of it changes.
            same = call.old_inputs.get("image") == call.inputs["image"]
            return id, {key: call.outputs.get(key) for key in ("pinned", "versions")} if same else {}
        inputs = self.parse(call.inputs)
        engine = engine_of(inputs.connection, inputs.stack_id)
        try:
            pinned = engine.pull(inputs.image, lambda text: call.say("status", text))
            problems = [*_network(engine, pinned, inputs), *_programs(engine, pinned, inputs)]
            problems += _modules(engine, pinned, inputs)
            if problems:
                raise Refused("\n".join(f"{_prefix(inputs)}{problem}" for problem in problems))
            return id, {"pinned": pinned, "versions": _versions(engine, pinned, inputs)}
        except EngineError as error:
            raise Refused(f"{_prefix(inputs)}{error}") from None

    def delete(self, call: Call) -> None:
        """Remove what an interrupted `up` left and the state does not know; never the image."""
        inputs = self.parse(call.inputs)
        engine_of(inputs.connection, inputs.stack_id).remove_leftovers(inputs.stack_id)


def _prefix(inputs: ContainerImageInputs) -> str:
    return f"host '{inputs.host}': mspass:cluster.image: {inputs.image}: "


def _network(engine: "DockerEngine", image: str, inputs: ContainerImageInputs) -> Iterator[str]:
    if why := foreign_network(engine, machine(inputs.connection), image):
        yield why


def _programs(engine: "DockerEngine", image: str, inputs: ContainerImageInputs) -> Iterator[str]:
    for program in inputs.programs:
        ended = engine.run_once([program, "--version"], image)
        if ended.status:
            yield f"{program} does not run in it: {ended.output.strip()[-300:]}"
        elif why := refusal(machine(inputs.connection), inputs.stack_dir, ended.output):
            yield why


def _modules(engine: "DockerEngine", image: str, inputs: ContainerImageInputs) -> Iterator[str]:
    if not inputs.python:
        return
    ended = engine.run_once(words_of(inputs.python, LACKS, *inputs.modules), image)
    if ended.status:
        yield f"{inputs.python} does not run in it: {ended.output.strip()[-300:]}"
    elif lacks := json.loads(ended.output.splitlines()[-1]):
        yield f"its {inputs.python} lacks {', '.join(lacks)}"


def _versions(engine: "DockerEngine", image: str, inputs: ContainerImageInputs) -> dict[str, str]:
    if not inputs.distributions:
        return {}
    ended = engine.run_once(words_of(inputs.python, VERSIONS, *inputs.distributions), image)
    found = json.loads(ended.output.splitlines()[-1])
    return {"python": found["python"], **{name: release or "none" for name, release in found["distributions"].items()}}
