"""`Secret` and `StackId`: random values that are made once and live in the state."""

import secrets
from collections.abc import Callable

from mspass_stack.provider.resources.base import Call, Resource
from mspass_stack.provider.server.codec import Props
from mspass_stack.spec.resources import RandomInputs

FORMS: dict[str, Callable[[], str]] = {
    # A key file is base64 of 6 to 1024 characters (MongoDB manual, "Self-managed internal authentication").
    "keyfile": lambda: secrets.token_urlsafe(567).translate(str.maketrans("-_", "+/")),
    # Letters and digits stand in a URI and in a shell word as they are.
    "password": lambda: secrets.token_hex(24),
    "token": lambda: secrets.token_hex(24),
    "id": lambda: secrets.token_hex(6),
}


class Random(Resource[RandomInputs]):
    """Output: `value`, of the declared form; the same for the life of the stack."""

    model = RandomInputs

    def create(self, call: Call) -> tuple[str, Props]:
        outputs = {} if call.preview else {"value": FORMS[call.inputs["form"]]()}
        return call.name, outputs

    def update(self, call: Call) -> Props:
        return {"value": call.outputs["value"]}
