"""Containers of Apptainer that the supervisord of a stack's directory keeps up."""

import json
import shlex
from collections.abc import Sequence
from typing import Any

from mspass_stack.machines.bundle import agent_bundle
from mspass_stack.managers.base import Exit
from mspass_stack.managers.supervisord import Supervisord
from mspass_stack.spec.apptainer import COMMAND, bound, path_of
from mspass_stack.spec.process import KeptUp, SupervisedContainer


class SupervisedContainers(Supervisord):
    """The supervisord of a directory, whose processes are in containers."""

    def find(self, program: str, python: str) -> str:
        """Return the program's own name: it is in the image."""
        return program

    def execute(self, name: str, argv: Sequence[str], seconds: float) -> Exit:
        return Exit(**self._ask("enter", name=name, argv=list(argv), seconds=seconds))

    def run_once(
        self, argv: Sequence[str], image: str = "", directory: str = "", user: str = "", reads: Sequence[str] = ()
    ) -> Exit:
        own = shlex.join([*COMMAND, "--silent", "exec", "--contain", "--cleanenv", "--no-home"])
        binds = " ".join(map(shlex.quote, bound([directory] if directory else [], reads)))
        # Room in /tmp that is gone afterwards: by itself Apptainer gives 64 MiB of it.
        line = f'work=$(mktemp -d) && {own} --workdir "$work" {binds} "$0" "$@"; ended=$?; rm -rf "$work"; exit $ended'
        return super().run_once(["sh", "-c", line, path_of(image), *argv])

    def launcher(self, process: KeptUp, stack: str, digest: str) -> str:
        """Return the script that becomes the program which has the process in its container."""
        python = self._machine.agent.call("own_python")
        agent = self._packed("agent", agent_bundle())
        program = [python, "-I", agent, "contain", process.stack_dir, process.name]
        return self._becomes(process, program, self._marks(process, stack, digest), [])

    def _step(self, process: KeptUp) -> str:
        assert isinstance(process, SupervisedContainer)
        told: dict[str, Any] = {
            "wrapper": list(process.wrapper),
            "argv": list(process.argv),
            "stop_signal": process.stop_signal,
        }
        return json.dumps(told, indent=1)
