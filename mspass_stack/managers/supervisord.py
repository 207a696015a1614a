"""supervisord as a process manager: one per stack directory, through the machine's agent."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mspass_stack.agent.marks import DIGEST, HOME, PROCESS, STACK, STACK_ID
from mspass_stack.machines.base import Machine
from mspass_stack.machines.bundle import Kind, file_name, supervisor_bundle
from mspass_stack.managers.base import Exit
from mspass_stack.managers.mongod import embedded_mongod
from mspass_stack.spec.process import KeptUp

RUN_ONCE = 3600.0
"""Seconds for a command beside the processes: the recovery of large data takes its time."""


@dataclass(frozen=True)
class Observed:
    """What runs now.

    Attributes:
        digest: of the launcher on the disk.
        lost: whether the directory that it works in was removed.
    """

    state: str
    incarnation: str
    digest: str
    lost: bool


class Supervisord:
    """The supervisord of a stack's directory on a machine."""

    def __init__(self, machine: Machine, stack_dir: str, stack_id: str) -> None:
        self._machine = machine
        self._stack_dir, self._place = stack_dir, {"directory": stack_dir, "stack_id": stack_id}

    def observe(self, name: str) -> Observed:
        return Observed(**self._ask("observe", name=name))

    def is_gone(self, found: Observed) -> bool:
        """Return whether what was observed is not there any more as it was declared."""
        return not found.incarnation or found.lost

    def incarnation(self, name: str) -> str:
        return self.observe(name).incarnation

    def digest(self, name: str) -> str:
        found = self.observe(name)
        return found.digest if found.incarnation else ""

    def state(self, name: str) -> str:
        return self.observe(name).state

    def has_given_up(self, name: str) -> bool:
        return bool(self._ask("has_given_up", name=name))

    def exit_report(self, name: str) -> str:
        return str(self._ask("exit_report", name=name))

    def log_tail(self, name: str, lines: int = 30) -> str:
        return str(self._ask("log_tail", name=name, lines=lines))

    def stop(self, name: str) -> None:
        self._ask("stop", name=name)

    def halt(self, name: str) -> bool:
        return bool(self._ask("halt", name=name))

    def resume(self, name: str) -> None:
        self._ask("resume", name=name)

    def signal(self, name: str, signal: str) -> None:
        self._ask("signal", name=name, signal=signal)

    def shut_down(self) -> None:
        """Stop all processes and supervisord itself; leaves no file but the logs."""
        self._ask("shut_down")

    def find(self, program: str, python: str) -> str:
        """Return the path of a program: beside the interpreter of its host, then on the PATH of its login."""
        fallback = "" if self._machine.remote else embedded_mongod(program)
        return str(self._machine.agent.call("find", name=program, beside=python, fallback=fallback))

    def execute(self, name: str, argv: Sequence[str], seconds: float) -> Exit:
        return Exit(**self._ask("execute", name=name, argv=list(argv), seconds=seconds))

    def run_once(
        self, argv: Sequence[str], image: str = "", directory: str = "", user: str = "", reads: Sequence[str] = ()
    ) -> Exit:
        return Exit(**self._machine.agent.call("run_once", argv=list(argv), seconds=RUN_ONCE))

    def ensure(self, process: KeptUp, stack: str, digest: str) -> dict[str, Any]:
        """Adopt a process that runs as declared, replace one that differs, refuse what is not ours.

        Returns:
            `incarnation`, `restarted`, and `failed`: how it ended, where it does not run.
        """
        return self._ask(
            "ensure",
            name=process.name,
            digest=digest,
            launcher=self.launcher(process, stack, digest),
            order=process.order,
            stop_signal=process.stop_signal,
            grace=process.stop_grace,
            ports=list(process.ports),
            supervisord=["", "-I", self._packed("supervisor", supervisor_bundle()), "d"],
            step=self._step(process),
        )

    def _step(self, process: KeptUp) -> str:
        """Return what the program that the launcher becomes has to know besides."""
        return ""

    def launcher(self, process: KeptUp, stack: str, digest: str) -> str:
        """Return the script that becomes the process: environment, secrets from their files, then exec."""
        program = [*process.wrapper, self.find(process.argv[0], process.python), *process.argv[1:]]
        environment = {**self._marks(process, stack, digest), **dict(sorted(process.environment.items()))}
        return self._becomes(process, program, environment, process.env_files)

    def _becomes(
        self, process: KeptUp, program: Sequence[str], environment: Mapping[str, str], env_files: Sequence[str]
    ) -> str:
        """Return a script that becomes a program, and leaves its pid where it is looked for."""
        return "\n".join(
            [
                "#!/bin/sh",
                # MongoDB and Dask run out of files at the usual soft limit of 1024.
                'ulimit -S -n "$(ulimit -H -n)"',
                f"echo $$ > {shlex.quote(f'{process.stack_dir}/run/{process.name}.pid')}",
                *(f"export {key}={shlex.quote(value)}" for key, value in environment.items()),
                *(f'export PATH={shlex.quote(directory)}:"$PATH"' for directory in reversed(process.path)),
                "set -a",
                *(f". {shlex.quote(path)}" for path in env_files),
                "set +a",
                f"cd {shlex.quote(process.directory)} || exit 1",
                f"exec {shlex.join(program)}",
                "",
            ]
        )

    def _marks(self, process: KeptUp, stack: str, digest: str) -> dict[str, str]:
        """Return what the environment of a process says of whose it is."""
        return {
            STACK_ID: self._place["stack_id"],
            STACK: stack,
            HOME: process.stack_dir,
            PROCESS: process.name,
            DIGEST: digest,
        }

    def _packed(self, kind: Kind, content: bytes) -> str:
        """Return the path of a program: a file named after its content, which is never overwritten once there."""
        run = f"{self._stack_dir}/run"
        path = f"{run}/{file_name(kind, content)}"
        if not self._machine.exists(path):
            self._machine.make_directory(run, 0o700)
            self._machine.write(path, content)
        return path

    def _ask(self, call: str, **arguments: Any) -> Any:
        return self._machine.agent.call(call, **self._place, **arguments)
