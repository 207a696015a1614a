"""What a resource of the plugin is: create, read, update, delete, and how it answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Literal, TypeAlias, TypeVar

from mspass_stack.provider.server.codec import Props, has_unknown
from mspass_stack.spec.resources import Inputs

Severity: TypeAlias = Literal["status", "info", "warning"]

I = TypeVar("I", bound=Inputs)  # noqa: E741


@dataclass(frozen=True)
class Call:
    """What the engine asks: the inputs as they came over the wire, and what the state holds."""

    name: str
    inputs: Props
    id: str = ""
    outputs: Props = field(default_factory=dict[str, Any])
    old_inputs: Props = field(default_factory=dict[str, Any])
    preview: bool = False
    say: Callable[[Severity, str], None] = lambda severity, text: None

    @property
    def before(self) -> Props:
        """The last inputs of what is on a host, with the present way there: its address may be another now."""
        return {**self.old_inputs, "connection": self.inputs["connection"]}


class Resource(Generic[I]):
    """A kind of resource. All methods are called from worker threads and may block.

    `read` has four answers: *gone* (None; only for what has a pid), *not ready* (`InitFailed`), *unreachable* (the old
    outputs and a warning) and *in order* (outputs as found).

    Attributes:
        model: its inputs. A preview may not know all of them: then only what is known can be looked at.
    """

    model: ClassVar[type[Any]]

    def parse(self, inputs: Props) -> I:
        """Return inputs as their model has them."""
        return self.model.model_validate(inputs)

    def check(self, call: Call) -> Mapping[str, str]:
        """Return reasons against the inputs, by property; also during a preview, so it changes nothing."""
        return {}

    def create(self, call: Call) -> tuple[str, Props]:
        """Ensure it, and return id and outputs."""
        raise NotImplementedError

    def read(self, call: Call) -> Props | None:
        """Return the outputs as found."""
        return call.outputs

    def diff(self, call: Call) -> list[str]:
        """Return names of the inputs that differ from the last ones, and of outputs that drifted."""
        return changed(call.old_inputs, call.inputs, self.model.marked("unseen"))

    def update(self, call: Call) -> Props:
        """Ensure it anew, and return outputs."""
        return self.create(call)[1]

    def delete(self, call: Call) -> None:
        """Remove it; absent is fine."""


def changed(old: Mapping[str, Any], new: Mapping[str, Any], unseen: frozenset[str] = frozenset()) -> list[str]:
    """Return keys whose values differ; what is not known yet counts as different.

    Args:
        unseen: keys that are in no diff, at whatever depth.
    """
    keys = sorted({*old, *new} - unseen)
    return [key for key in keys if has_unknown(new.get(key)) or old.get(key) != new.get(key)]
