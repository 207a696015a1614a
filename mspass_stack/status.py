"""`python -m mspass_stack.status --stack NAME`: what runs now, read from the inventory and seen by the probes."""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from mspass_stack.engine import Engine, EngineError
from mspass_stack.inventory import Entry, Inventory
from mspass_stack.provider.probes import look
from mspass_stack.provider.resource import Refused
from mspass_stack.provider.supervisor import Supervisor

LINES = 100
"""Of a log that are shown."""


class NotUpError(Exception):
    """There is no such stack, or it is not up."""


def outputs(stack: str) -> dict[str, Any]:
    """The stack outputs, secrets included.

    Raises:
        NotUpError: with what Pulumi said.
    """
    own = Path(sys.executable).with_name("pulumi")
    cli = str(own) if own.exists() else shutil.which("pulumi") or "pulumi"
    command = [cli, "--non-interactive", "stack", "output", "--json", "--show-secrets", "--stack", stack]
    ran = subprocess.run(command, capture_output=True, text=True)
    if ran.returncode:
        raise NotUpError(ran.stderr.strip())
    found = json.loads(ran.stdout)
    if "inventory" not in found:
        raise NotUpError(f"stack '{stack}' is not up: pulumi up -s {stack}")
    return found


def rows(inventory: Inventory) -> list[tuple[str, ...]]:
    """A line per process: name, host, state, ready, incarnation, endpoint."""
    return [("PROCESS", "HOST", "STATE", "READY", "INCARNATION", "ENDPOINT")] + [
        _row(entry, inventory) for entry in inventory.processes
    ]


def _row(entry: Entry, inventory: Inventory) -> tuple[str, ...]:
    if entry.engine:
        engine = Engine(entry.engine)
        state, run = engine.state(entry.container), engine.runs(entry.container)
    else:
        supervisor = Supervisor(inventory.home, "")
        state, run = supervisor.state(entry.name).get("statename", ""), supervisor.runs(entry.name)
    missing = look(entry.probe) or ("" if run else "nobody keeps it up; pulumi up does")
    ready = f"no: {missing}" if missing else "yes"
    return entry.name, entry.host, state.upper() or "ABSENT", ready, run or "-", entry.endpoint or "-"


def log(entry: Entry) -> str:
    """The end of a process's log."""
    if entry.engine:
        return Engine(entry.engine).tail(entry.container, LINES)
    return "\n".join(Path(entry.log).read_text(errors="replace").splitlines()[-LINES:])


def main() -> None:
    """Print the table and Jupyter's address, or the end of a log; exit status 1 when something is not ready."""
    parser = argparse.ArgumentParser(prog="python -m mspass_stack.status")
    parser.add_argument("--stack", required=True)
    parser.add_argument("--logs", metavar="PROCESS", nargs="?", const="", help="the end of a process's log instead")
    arguments = parser.parse_args()
    try:
        found = outputs(arguments.stack)
        inventory = Inventory.model_validate(found["inventory"])
        if arguments.logs is not None:
            if not arguments.logs:
                sys.exit(f"logs of which process? PROCESS={'|'.join(inventory.names)}")
            print(log(inventory.named(arguments.logs)))
            return
        table = rows(inventory)
    except (NotUpError, KeyError, EngineError, Refused, OSError) as error:
        sys.exit(str(error.args[0] if isinstance(error, KeyError) else error))
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    if "jupyterUrl" in found:
        print(f"\nJupyter: {found['jupyterUrl']}")
    sys.exit(any(row[3] != "yes" for row in table[1:]))


if __name__ == "__main__":
    main()
