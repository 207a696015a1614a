"""The machine that a resource is on, by its inputs."""

from mspass_stack.machine import Machine
from mspass_stack.provider.codec import Props
from mspass_stack.rendered import Reach
from mspass_stack.transport import machine


def machine_of(inputs: Props, key: str = "reach") -> Machine:
    """The machine that a resource is on: this one where nothing else is said."""
    return machine(Reach.model_validate(inputs.get(key, {})))
