"""Workers retired through their scheduler before they are stopped: no result that they hold is lost."""

from importlib.resources import files
from typing import Any

from mspass_stack.engine import Engine, EngineError
from mspass_stack.provider.codec import Props
from mspass_stack.provider.resource import Call, Resource
from mspass_stack.rendered import Reach

PROGRAM = files("mspass_stack.provider").joinpath("inside", "retire.py")


def retire(inputs: Props, name: str, call: Call) -> None:
    """Retire the workers of a process; a scheduler that is gone has nothing to lose.

    It is asked by the scheduler's own Python: another version of Dask could not talk to it.

    Args:
        inputs: `scheduler` (its container, address, python) and `probeReach`, the way to its host.
    """
    asked: dict[str, Any] = inputs["scheduler"]
    call.say("status", "retiring its workers")
    engine = Engine(inputs["engine"], Reach.model_validate(inputs["probeReach"]))
    argv = ["timeout", "120", asked["python"], "-c", PROGRAM.read_text(), asked["address"], name]
    try:
        status, said = engine.execute(asked["container"], argv)
    except EngineError as error:
        status, said = 1, str(error)
    if status:
        call.say("warning", f"workers {name}: not retired, what they hold is computed again: {said.strip()[-300:]}")


class Retirement(Resource):
    """Goes before a worker's container: when that changes, the old workers are retired first.

    Inputs: `worker`, `digest` of its container, `scheduler`, `probeReach`, `engine`.
    """

    def create(self, call: Call) -> tuple[str, Props]:
        return f"{call.inputs['stack']}/retirement/{call.inputs['worker']}", {}

    def update(self, call: Call) -> Props:
        if not call.preview and call.old_inputs["digest"] != call.inputs["digest"]:
            retire(call.inputs, call.inputs["worker"], call)
        return {}
