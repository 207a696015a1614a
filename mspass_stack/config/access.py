"""`Access`: the ways to what runs on the nodes of a job, as a site's profile says them, or its user."""

from collections import Counter
from typing import Annotated, Literal, cast

from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter

from mspass_stack.config.model import Model, like

Way = Literal["direct", "ssh", "relay"]


def _different(names: tuple[str, ...]) -> tuple[str, ...]:
    if twice := [name for name, times in Counter(names).items() if times > 1]:
        raise ValueError(f"expected each once: {', '.join(twice)}")
    return names


Ways = Annotated[tuple[Way, ...], Field(min_length=1), AfterValidator(_different)]
LoginHost = Annotated[
    str, like(r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$", "the name of a host, without user and port")
]


class Access(Model):
    """The ways to what runs on the nodes of a job; a list is its `ways`."""

    ways: Ways = Field(
        default=("ssh", "relay"),
        description="to the ports of nodes, in the order in which they are tried: ssh is through the login host, relay "
        "the bytes of a step, direct from the machine that runs Pulumi",
    )
    reverse: Annotated[tuple[LoginHost, ...], AfterValidator(_different)] = Field(
        default=(),
        description="login hosts, as nodes know them, to which the job itself dials out, so that Jupyter is reached by "
        "them",
    )


def _access(value: object) -> object:
    """Take a list for the ways."""
    if not isinstance(value, list | tuple):
        return value
    ways: TypeAdapter[tuple[Way, ...]] = TypeAdapter(Ways)
    return Access(ways=ways.validate_python(cast("list[object]", value)))


AccessOrWays = Annotated[Access, BeforeValidator(_access, json_schema_input_type=Ways | Access)]


def merged(site: Access, own: Access | None) -> Access:
    """Return what a site says, with what its user says in the place of that."""
    said = {name: getattr(own, name) for name in own.model_fields_set} if own else {}
    return site.model_copy(update=said)
