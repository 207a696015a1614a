"""Every error of the project that is for its user, below one root.

    StackError
    ├── ConfigError    a config that cannot be deployed: one line per problem, each with its YAML path
    ├── Refused        a step that failed, or that would do harm and was not taken
    ├── InitFailed     something was made and is not in order
    ├── Unreachable    a host cannot be reached
    │   └── NoJob      it is a node of a job, and none runs: what ran in the last one has ended with it
    ├── EngineError    a Docker engine does not answer, or refuses
    └── NotUpError     there is no such stack, or it is not up

Their texts say what to do and are shown without a traceback.
"""

from collections.abc import Mapping
from typing import Any


class StackError(Exception):
    """The root of all errors that are for the user."""


class ConfigError(StackError):
    """A config that cannot be deployed: one line per problem, each with its YAML path."""


class Refused(StackError):
    """A step that failed, or that would do harm and was not taken."""


class InitFailed(StackError):
    """Something was made and is not in order: it stays in the state, and the next `up` ensures it again."""

    def __init__(self, id: str, outputs: Mapping[str, Any], reason: str) -> None:
        super().__init__(reason)
        self.id, self.outputs, self.reason = id, dict(outputs), reason


class Unreachable(StackError):
    """A host cannot be reached; the text names it and says why."""


class NoJob(Unreachable):
    """No job runs whose node a host is."""


class EngineError(StackError):
    """A Docker engine does not answer, or refuses."""


class NotUpError(StackError):
    """There is no such stack, or it is not up."""
