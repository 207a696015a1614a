"""`BatchSpec`: what a job runs by itself, as the config asks for it."""

from typing import Any

from mspass_stack.spec.process import SlurmProcess
from mspass_stack.spec.value import Value


class BatchSpec(Value):
    """A notebook or a script.

    Attributes:
        id: names this run: another file, other arguments and another `again` are another run.
        path: of its copy, on the file system that the nodes share.
        sha256: of the file.
        argv: the interpreter of the image, the copy and its arguments.
        then: `stop` or `keep`.
        on_restart: whether the next job runs again what the end of a job cut short.
        start_wait: seconds for database and workers.
        beside: the process in whose container it runs, but with a command of its own.
        gate: the workers that it waits for, as `agent.gate` reads it; empty where there are none.
    """

    id: str
    path: str
    sha256: str
    argv: tuple[str, ...]
    then: str
    on_restart: bool
    start_wait: int
    beside: SlurmProcess
    gate: dict[str, Any]

    @property
    def is_notebook(self) -> bool:
        return self.path.endswith(".ipynb")
