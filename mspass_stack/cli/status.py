"""`python -m mspass_stack.cli.status --stack NAME`: what runs now, read from the inventory and seen by the probes."""

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

from mspass_stack.cli.logs import logs
from mspass_stack.errors import NotUpError, StackError
from mspass_stack.machines import machine, openssh
from mspass_stack.managers import manager_of
from mspass_stack.provider.probes import probe
from mspass_stack.spec.inventory import Entry, Inventory

LINES = 100
"""Of a log that are shown."""


def outputs(stack: str) -> dict[str, Any]:
    """Return the stack outputs, secrets included.

    Raises:
        NotUpError: with what Pulumi said.
    """
    found = _pulumi(stack, "output", "--json", "--show-secrets")
    if "inventory" not in found:
        raise NotUpError(f"stack '{stack}' is not up: pulumi up -s {stack}")
    return found


def log(stack: str, name: str) -> str:
    """Return the end of a process's log.

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
    """Return what `pulumi stack ...` answers."""
    own = Path(sys.executable).with_name("pulumi")
    cli = str(own) if own.exists() else shutil.which("pulumi") or "pulumi"
    ran = subprocess.run([cli, "--non-interactive", "stack", *words, "--stack", stack], capture_output=True, text=True)
    if ran.returncode:
        raise NotUpError(ran.stderr.strip())
    return json.loads(ran.stdout)


def rows(inventory: Inventory) -> list[tuple[str, ...]]:
    """Return a line per process; the last column may be long."""
    with ThreadPoolExecutor(len(inventory.processes)) as pool:
        observed = list(pool.map(partial(_row, inventory), inventory.processes))
    return [("PROCESS", "HOST", "STATE", "INCARNATION", "ENDPOINT", "READY"), *observed]


def _row(inventory: Inventory, entry: Entry) -> tuple[str, ...]:
    name, endpoint = entry.spec.managed_name, entry.endpoint or "-"
    connection = inventory.connection(entry)
    try:
        manager = manager_of(entry.spec.manager, connection, entry.spec.stack_dir, inventory.stack_id)
        state, incarnation = manager.state(name), manager.incarnation(name)
        sees_it = machine(inventory.hosts[entry.spec.probe.host].connection)
        missing = probe(entry.spec.probe, sees_it, inventory.authority)
    except StackError as error:
        return entry.name, entry.host, "UNKNOWN", "-", endpoint, f"no: {error}"
    missing = missing or (None if incarnation else "nobody keeps it up; pulumi up does")
    ready = f"no: {missing}" if missing else "yes"
    return entry.name, entry.host, state.upper() or "ABSENT", incarnation or "-", endpoint, ready


def tunnel(inventory: Inventory) -> str | None:
    """Return the line by which the pages of a lab's scheduler are seen from here; None where they need none."""
    for entry in inventory.serving("scheduler"):
        connection, probed = inventory.connection(entry), entry.spec.probe
        if connection.remote:
            return shlex.join(openssh.tunnel(connection, probed.address, probed.port))
    return None


def main() -> None:
    """Print the table and Jupyter's address, or the end of a log; exit status 1 when something is not ready."""
    parser = argparse.ArgumentParser(prog="python -m mspass_stack.cli.status")
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
    except (StackError, OSError) as error:
        sys.exit(str(error))
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    if "jupyterUrl" in found:
        print(f"\nJupyter: {found['jupyterUrl']}")
    if line := tunnel(inventory):
        print(f"Dask's pages: {found['dashboardUrl']} after: {line}")
    if expiry := inventory.expiry():
        print(f"TLS: {expiry}")
    sys.exit(any(row[-1] != "yes" for row in table[1:]))


if __name__ == "__main__":
    main()
