"""`ContainerImage`: the image of a stack's containers, resolved once, seen to have what the roles need."""

from mspass_stack.engine import Engine, EngineError
from mspass_stack.provider.codec import Props
from mspass_stack.provider.compatibility import refusal
from mspass_stack.provider.executables import LOOK
from mspass_stack.provider.machines import machine_of
from mspass_stack.provider.resource import Call, Refused, Resource
from mspass_stack.rendered import Reach


class ContainerImage(Resource):
    """Inputs: `engine`, `reach`, `image`, `needs` (`programs`, `modules` by interpreter), `home`, `host`."""

    def create(self, call: Call) -> tuple[str, Props]:
        id = f"{call.inputs['stack']}/image@{call.inputs['host']}"
        if call.preview:
            # Of the same image as before the preview knows that nothing that is made of it changes.
            same = call.old_inputs.get("image") == call.inputs["image"]
            return id, {"pinned": call.outputs["pinned"]} if same else {}
        name, engine = call.inputs["image"], engine_of(call.inputs)
        try:
            pinned = engine.pull(name, lambda text: call.say("status", text))
            problems = [*_programs(engine, pinned, call), *_modules(engine, pinned, call)]
        except EngineError as error:
            raise Refused(f"{place(call.inputs)}mspass:cluster.image: {name}: {error}") from None
        if problems:
            raise Refused(
                "\n".join(f"{place(call.inputs)}mspass:cluster.image: {name}: {problem}" for problem in problems)
            )
        return id, {"pinned": pinned}

    def delete(self, call: Call) -> None:
        """Remove what an interrupted `up` left and the state does not know; never the image."""
        try:
            engine_of(call.inputs).remove_leftovers(call.inputs["stackId"])
        except EngineError as error:
            raise Refused(str(error)) from None


def engine_of(inputs: Props) -> Engine:
    """The Docker engine that a resource is on."""
    return Engine(inputs["engine"], Reach.model_validate(inputs.get("reach", {})))


def place(inputs: Props) -> str:
    """The host of a resource, for the begin of a message; empty where there is but one."""
    return f"host '{inputs['host']}': " if machine_of(inputs).remote else ""


def _programs(engine: Engine, image: str, call: Call) -> list[str]:
    problems: list[str] = []
    for program in call.inputs["needs"]["programs"]:
        try:
            said = engine.try_out(image, [program, "--version"], call.inputs["stackId"])
        except EngineError as error:
            problems.append(f"{program} does not run in it: {error}")
            continue
        if why := refusal(machine_of(call.inputs), call.inputs["home"], said):
            problems.append(why)
    return problems


def _modules(engine: Engine, image: str, call: Call) -> list[str]:
    problems: list[str] = []
    for python, modules in call.inputs["needs"]["modules"].items():
        try:
            lacks = (
                engine.try_out(image, [python, "-c", LOOK, *modules], call.inputs["stackId"])
                .strip()
                .removeprefix("lacks")
                .strip()
            )
        except EngineError as error:
            problems.append(f"{python} does not run in it: {error}")
            continue
        if lacks:
            problems.append(f"its {python} lacks {lacks.replace(' ', ', ')}")
    return problems
