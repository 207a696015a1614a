"""What a resource of the plugin is: create, read, update, delete, and how it answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from mspass_stack.provider.codec import Props, has_unknown

Severity: TypeAlias = Literal["status", "info", "warning"]


class Refused(Exception):
    """A step that failed or that we will not take; its text is for the user, without a traceback."""


class InitFailed(Exception):
    """Something was made and is not in order: it stays in the state, and the next `up` ensures it again."""

    def __init__(self, id: str, outputs: Props, reason: str) -> None:
        super().__init__(reason)
        self.id, self.outputs, self.reason = id, outputs, reason


@dataclass(frozen=True)
class Call:
    """What the engine asks: the inputs, and what the state holds."""

    name: str
    inputs: Props
    id: str = ""
    outputs: Props = field(default_factory=dict[str, Any])
    old_inputs: Props = field(default_factory=dict[str, Any])
    preview: bool = False
    say: Callable[[Severity, str], None] = lambda severity, text: None


class Resource:
    """A kind of resource. All methods are called from worker threads and may block.

    `read` has four answers: *gone* (None; only for what has a pid), *not ready* (`InitFailed`), *unreachable* (the old
    outputs and a warning) and *in order* (outputs as found).
    """

    def check(self, call: Call) -> Mapping[str, str]:
        """Reasons against the inputs, by property; also during a preview, so it changes nothing."""
        return {}

    def create(self, call: Call) -> tuple[str, Props]:
        raise NotImplementedError

    def read(self, call: Call) -> Props | None:
        return call.outputs

    def diff(self, call: Call) -> list[str]:
        """Names of the inputs that differ from the last ones; outputs that drifted are named too."""
        return changed(call.old_inputs, call.inputs)

    def update(self, call: Call) -> Props:
        return self.create(call)[1]

    def delete(self, call: Call) -> None:
        """Absent is fine."""


WAYS = frozenset({"reach", "probeReach", "reaches"})
"""Inputs that say how a host is reached: the state has the newest, and a new one changes nothing there."""


def changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Keys whose values differ; what is not known yet counts as different."""
    keys = sorted({*old, *new} - WAYS)
    return [key for key in keys if has_unknown(new.get(key)) or old.get(key) != new.get(key)]
