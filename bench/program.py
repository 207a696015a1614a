"""`Program`: a Pulumi program that is measured, with a state of its own."""

import json
import os
import secrets
import shlex
import subprocess
from contextlib import suppress
from pathlib import Path

PROJECT = Path(__file__).parents[1]
STACK = "bench"


class Program:
    """A Pulumi program with one stack.

    Args:
        directory: has its Pulumi.yaml; the state is kept there too.
    """

    def __init__(self, directory: Path) -> None:
        self.directory, state = directory, directory / ".state"
        state.mkdir()
        self._environment = {key: value for key, value in os.environ.items() if not key.startswith("PULUMI_")}
        self._environment |= {
            "PULUMI_BACKEND_URL": f"file://{state}?metadata=skip",
            "PULUMI_CONFIG_PASSPHRASE": secrets.token_hex(16),
        }
        self._pulumi("stack", "init", STACK)

    def up(self, *more: str) -> None:
        self._pulumi("up", "--stack", STACK, "--yes", "--skip-preview", *more)

    def preview(self) -> int:
        """Preview it, and return how many resources plugins would have to look after."""
        steps = json.loads(self._pulumi("preview", "--stack", STACK, "--json"))["steps"]
        found = [step["newState"] for step in steps if "newState" in step]
        return sum(state["custom"] and not state["type"].startswith("pulumi:providers:") for state in found)

    def no_op_up(self) -> None:
        self.up("--expect-no-changes")

    def destroy(self) -> None:
        self._pulumi("destroy", "--stack", STACK, "--yes", "--skip-preview")

    def run(self, program: Path) -> str:
        """Run a program beside Jupyter; what it printed."""
        return self._run([str(PROJECT / ".venv/bin/mspass-stack"), "run", "--stack", STACK, str(program)])

    def cancel(self) -> None:
        """Give up the lock of a command that was interrupted."""
        with suppress(SystemExit):
            self._pulumi("cancel", STACK, "--yes")

    def size(self) -> int:
        """Return how many resources plugins have to look after for it: neither components nor providers."""
        resources = json.loads(self._pulumi("stack", "export", "--stack", STACK))["deployment"]["resources"]
        return sum(
            resource["custom"] and not resource["type"].startswith("pulumi:providers:") for resource in resources
        )

    def _pulumi(self, *command: str) -> str:
        return self._run([str(PROJECT / ".venv/bin/pulumi"), "--non-interactive", *command])

    def _run(self, argv: list[str]) -> str:
        ran = subprocess.run(argv, cwd=self.directory, env=self._environment, capture_output=True, text=True)
        if ran.returncode:
            raise SystemExit(f"{shlex.join(argv)} ended with {ran.returncode}:\n{ran.stdout}{ran.stderr}")
        return ran.stdout
