"""`ContainerImage`: the image of a stack's containers, resolved once, seen to have what the roles need."""

import json
from collections.abc import Iterator

from mspass_stack.agent.programs import LACKS, VERSIONS, words_of
from mspass_stack.errors import EngineError, Refused
from mspass_stack.machines import machine
from mspass_stack.managers import images_of
from mspass_stack.managers.base import Images
from mspass_stack.provider.preflight.compatibility import refusal
from mspass_stack.provider.resources.base import Call, Resource
from mspass_stack.provider.server.codec import Props
from mspass_stack.spec.resources import ContainerImageInputs


class ContainerImage(Resource[ContainerImageInputs]):
    """Outputs: `pinned`, the image by its digest or id; `versions` of its Python; and `stamp`, which changes with what
    is there in its place.
    """

    model = ContainerImageInputs

    def create(self, call: Call) -> tuple[str, Props]:
        id = f"{call.inputs['stack']}/image@{call.inputs['host']}"
        if call.preview:
            # Of the same image as before the preview knows that nothing that is made of it changes.
            same = call.old_inputs.get("image") == call.inputs["image"]
            return id, {key: call.outputs.get(key) for key in ("pinned", "versions", "stamp")} if same else {}
        inputs = self.parse(call.inputs)
        images = _images(inputs)
        try:
            pinned = images.pull(inputs.image, lambda text: call.say("status", text))
            stamp = images.stamp(inputs.image)
            if trouble := images.trouble(pinned):
                raise Refused(trouble)
            problems = [*_programs(images, pinned, inputs), *_modules(images, pinned, inputs)]
            if not problems:
                return id, {"pinned": pinned, "versions": _versions(images, pinned, inputs), "stamp": stamp}
        except (EngineError, Refused) as error:
            problems = [str(error)]
        raise Refused("\n".join(f"{_prefix(inputs)}{problem}" for problem in problems))

    def read(self, call: Call) -> Props:
        inputs = self.parse(call.inputs)
        stamp = _images(inputs).stamp(inputs.image)
        same = stamp == call.outputs.get("stamp", "")
        return call.outputs if same else {**call.outputs, "pinned": "", "stamp": stamp}

    def diff(self, call: Call) -> list[str]:
        return super().diff(call) or ([] if call.outputs.get("pinned") else ["pinned"])

    def delete(self, call: Call) -> None:
        inputs = self.parse(call.inputs)
        _images(inputs).clear(inputs.image)


def _images(inputs: ContainerImageInputs) -> Images:
    return images_of(inputs.manager, inputs.connection, inputs.stack_dir, inputs.stack_id)


def _prefix(inputs: ContainerImageInputs) -> str:
    return f"host '{inputs.host}': mspass:cluster.image: {inputs.image}: "


def _programs(images: Images, image: str, inputs: ContainerImageInputs) -> Iterator[str]:
    for program in inputs.programs:
        ended = images.run_once([program, "--version"], image)
        if ended.status:
            yield f"{program} does not run in it: {ended.output.strip()[-300:]}"
        elif why := refusal(machine(inputs.connection), inputs.stack_dir, ended.output):
            yield why


def _modules(images: Images, image: str, inputs: ContainerImageInputs) -> Iterator[str]:
    if not inputs.python:
        return
    ended = images.run_once(words_of(inputs.python, LACKS, *inputs.modules), image)
    if ended.status:
        yield f"{inputs.python} does not run in it: {ended.output.strip()[-300:]}"
    elif lacks := json.loads(ended.output.splitlines()[-1]):
        yield f"its {inputs.python} lacks {', '.join(lacks)}"


def _versions(images: Images, image: str, inputs: ContainerImageInputs) -> dict[str, str]:
    if not inputs.distributions:
        return {}
    ended = images.run_once(words_of(inputs.python, VERSIONS, *inputs.distributions), image)
    found = json.loads(ended.output.splitlines()[-1])
    return {"python": found["python"], **{name: release or "none" for name, release in found["distributions"].items()}}
