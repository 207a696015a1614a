"""`Command`: how a process is started and stopped, whatever the runtime."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mspass_stack.rendered import Probe


@dataclass(frozen=True)
class Command:
    """How a process is started and stopped, whatever the runtime.

    Attributes:
        reads: secret files; `env_files` of them are its environment.
        writes: folders of the stack and of the user that it works in.
        stop_grace: seconds between the stop signal and SIGKILL.
        memory, cpus: what it is meant to use at most, in bytes and cores; 0 is no limit.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    env_files: tuple[str, ...]
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    probe: Probe
    stop_grace: int
    stop_signal: Literal["TERM", "INT"] = "TERM"
    memory: int = 0
    cpus: int = 0
