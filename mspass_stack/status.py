"""`python -m mspass_stack.status --stack NAME`: what runs now, read from the inventory and seen by the probes."""

import argparse
import json
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from mspass_stack.engine import Engine, EngineError
from mspass_stack.inventory import Entry, Inventory
from mspass_stack.logs import logs
from mspass_stack.machine import Unreachable
from mspass_stack.provider.probes import look
from mspass_stack.provider.resource import Refused
from mspass_stack.provider.supervisor import Supervisor
from mspass_stack.transport import machine

LINES = 100
"""Of a log that are shown."""


class NotUpError(Exception):
    """There is no such stack, or it is not up."""


def outputs(stack: str) -> dict[str, Any]:
    """The stack outputs, secrets included.

    Raises:
        NotUpError: with what Pulumi said.
    """
    found = _pulumi(stack, "output", "--json", "--show-secrets")
    if "inventory" not in found:
        raise NotUpError(f"stack '{stack}' is not up: pulumi up -s {stack}")
    return found


def log(stack: str, name: str) -> str:
    """The end of a process's log.

    Raises:
        NotUpError: the stack has no such process; the text names those that it has.
    """
    found = logs(_pulumi(stack, "export")["deployment"].get("resources", []))
    if not name:
        raise NotUpError(f"logs of which process? PROCESS={'|'.join(found)}")
    if name not in found:
        raise NotUpError(f"no process '{name}' in stack '{stack}' (processes: {', '.join(found) or 'none yet'})")
    return found[name].tail(LINES)


def _pulumi(stack: str, *words: str) -> dict[str, Any]:
    """What `pulumi stack ...` answers."""
    own = Path(sys.executable).with_name("pulumi")
    cli = str(own) if own.exists() else shutil.which("pulumi") or "pulumi"
    ran = subprocess.run([cli, "--non-interactive", "stack", *words, "--stack", stack], capture_output=True, text=True)
    if ran.returncode:
        raise NotUpError(ran.stderr.strip())
    return json.loads(ran.stdout)


def rows(inventory: Inventory) -> list[tuple[str, ...]]:
    """A line per process; the last column may be long."""
    with ThreadPoolExecutor(len(inventory.processes)) as pool:
        seen = list(pool.map(partial(_row, inventory), inventory.processes))
    return [("PROCESS", "HOST", "STATE", "INCARNATION", "ENDPOINT", "READY"), *seen]


def _row(inventory: Inventory, entry: Entry) -> tuple[str, ...]:
    try:
        state, run = _kept(entry, inventory)
        missing = look(entry.probe, machine(inventory.hosts[entry.probe.host].reach))
    except (EngineError, Unreachable) as error:
        return entry.name, entry.host, "UNKNOWN", "-", entry.endpoint or "-", f"no: {error}"
    missing = missing or ("" if run else "nobody keeps it up; pulumi up does")
    ready = f"no: {missing}" if missing else "yes"
    return entry.name, entry.host, state.upper() or "ABSENT", run or "-", entry.endpoint or "-", ready


def _kept(entry: Entry, inventory: Inventory) -> tuple[str, str]:
    """The state of a process, and its incarnation, by who keeps it up."""
    if entry.container:
        engine = Engine(entry.engine, inventory.reach(entry))
        return engine.state(entry.container), engine.runs(entry.container)
    supervisor = Supervisor(inventory.home, "")
    return supervisor.state(entry.name).get("statename", ""), supervisor.runs(entry.name)


def tunnel(inventory: Inventory) -> str:
    """The line by which the pages of a lab's scheduler are seen from here; empty where they need none."""
    for entry in inventory.playing("scheduler"):
        reach, port = inventory.reach(entry), entry.probe.port
        if reach.remote:
            return shlex.join(reach.tunnel(entry.probe.address, port))
    return ""


def main() -> None:
    """Print the table and Jupyter's address, or the end of a log; exit status 1 when something is not ready."""
    parser = argparse.ArgumentParser(prog="python -m mspass_stack.status")
    parser.add_argument("--stack", required=True)
    parser.add_argument("--logs", metavar="PROCESS", nargs="?", const="", help="the end of a process's log instead")
    arguments = parser.parse_args()
    try:
        if arguments.logs is not None:
            print(log(arguments.stack, arguments.logs))
            return
        found = outputs(arguments.stack)
        inventory = Inventory.model_validate(found["inventory"])
        table = rows(inventory)
    except (NotUpError, EngineError, Refused, Unreachable, OSError) as error:
        sys.exit(str(error))
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    if "jupyterUrl" in found:
        print(f"\nJupyter: {found['jupyterUrl']}")
    if way := tunnel(inventory):
        print(f"Dask's pages: {found['dashboardUrl']} after: {way}")
    sys.exit(any(row[-1] != "yes" for row in table[1:]))


if __name__ == "__main__":
    main()
