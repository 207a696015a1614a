"""The contract between what declares a process and what runs it: a versioned value, stored in Pulumi's state.

The runtimes render it, the process managers execute it. A state written by an old version stays readable by its
`schema`; an upgrade restarts only those whose `digest` differs.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, TypeAdapter

from mspass_stack.spec.gpus import Gpus
from mspass_stack.spec.probe import Probe
from mspass_stack.spec.stage import Bind, StageSpec
from mspass_stack.spec.value import Value, no_restart, restarts


class ProcessBase(Value):
    """A process as a host runs it.

    Attributes:
        stack_dir: the stack's directory on the host: launcher, log and secrets live in it.
        order: its place in the order of starting; stopping goes the other way.
        environment: names and values without secrets.
        env_files: files with further environment, secrets included, readable by their owner only.
        path: directories that lead PATH.
        directory: where it works.
        ports: those that it must find free, at `address`.
        stop_grace: seconds between the stop signal and SIGKILL.
        reads: all secret files that it reads.
        writes: the directories that it works in.
        memory, cpus: what it is granted in bytes and cores, where the runtime can limit it; 0 is no limit.
        gpus: the accelerators that it has.
        python: the interpreter of its host, beside which its programs are; empty where PATH leads to them.
    """

    schema_: Literal[1] = no_restart(1, alias="schema")
    name: str
    role: str = no_restart()
    host: str = no_restart()
    stack_dir: str = no_restart()
    order: int = no_restart()
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    env_files: tuple[str, ...]
    path: tuple[str, ...]
    directory: str
    address: str = no_restart()
    ports: tuple[int, ...] = no_restart()
    stop_signal: Literal["TERM", "INT"] = no_restart()
    stop_grace: int = no_restart()
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    memory: int
    cpus: int
    gpus: Gpus = Gpus()
    python: str = no_restart("")
    probe: Probe = no_restart()

    @property
    def managed_name(self) -> str:
        """Its name for whom keeps it up."""
        return self.name

    def digest(self, secrets: Mapping[str, str], *more: str) -> str:
        """Return a short name of what a restart is for.

        Fields with their defaults are left out, so that a field that is added later restarts nobody.

        Args:
            secrets: digests of the files that it reads, by path.
            more: whatever else it depends on (the id of its stack).
        """
        covered = self.model_dump(mode="json", include=restarts(type(self)), exclude_defaults=True)
        text = json.dumps([covered, sorted(secrets.items()), *more], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


class SupervisedProcess(ProcessBase):
    """A process that supervisord keeps up.

    Attributes:
        wrapper: words before the command, of a program that becomes it.
        memory, cpus, gpus: nobody holds it to them.
    """

    manager: Literal["supervisord"] = no_restart("supervisord")
    memory: int = no_restart()
    cpus: int = no_restart()
    gpus: Gpus = no_restart(Gpus())
    wrapper: tuple[str, ...] = ()


class SupervisedContainer(ProcessBase):
    """A process in a container of Apptainer, which supervisord keeps up.

    Attributes:
        wrapper: words before the command, that run it in its container.
        memory, cpus: nobody holds it to them.
    """

    manager: Literal["supervised-containers"] = no_restart("supervised-containers")
    memory: int = no_restart()
    cpus: int = no_restart()
    wrapper: tuple[str, ...]


class ContainedProcess(ProcessBase):
    """A process in a container, which a Docker engine keeps up.

    Attributes:
        container: its name on its engine.
        entrypoint: reads the files with its environment, then becomes the command.
        health: a command that fails when the process does not answer; for `docker ps`.
        binds: directories of the host that it sees at other paths.
    """

    manager: Literal["docker-engine"] = no_restart("docker-engine")
    container: str
    entrypoint: tuple[str, ...]
    health: tuple[str, ...] = no_restart()
    binds: tuple[Bind, ...] = ()

    @property
    def managed_name(self) -> str:
        """Its name for whom keeps it up."""
        return self.container


class SlurmProcess(ProcessBase):
    """A process in a container on a node of a Slurm job, which a supervisord on the first node keeps up.

    Attributes:
        wrapper: words before the command, that run it in its container.
        memory, cpus: nobody holds it to them: the steps of a job share its memory.
        holds_data: whether it opens data that two must not.
        oom_score: how soon it goes when the memory is used up, from 0 to 1000.
        room: bytes that others leave to it where they share out the memory of its node.
        parts: into how many its own share goes; 0 is one for each core.
        modules: of Python, that it is started with or needs beside it.
        gated: whether it waits for the database that the job prepares.
        together: whether one resource has it with others of its role.
        stage: what is brought to its node before it starts, and back.
    """

    manager: Literal["slurm-job"] = no_restart("slurm-job")
    memory: int = no_restart()
    cpus: int = no_restart()
    wrapper: tuple[str, ...]
    holds_data: bool = no_restart(False)
    oom_score: int = no_restart(0)
    room: int = no_restart(0)
    parts: int = no_restart(0)
    modules: tuple[str, ...] = no_restart(())
    gated: bool = no_restart(False)
    together: bool = no_restart(False)
    stage: StageSpec | None = None


KeptUp: TypeAlias = SupervisedProcess | SupervisedContainer | SlurmProcess
"""What a supervisord keeps up, on its host or in a job."""

ProcessSpec: TypeAlias = Annotated[KeptUp | ContainedProcess, Field(discriminator="manager")]

_ADAPTER: TypeAdapter[ProcessSpec] = TypeAdapter(ProcessSpec)


def parse_process(value: object) -> ProcessSpec:
    """Read a process as the state has it."""
    return _ADAPTER.validate_python(value)
