"""Where login hosts to which a job dials out lead to its Jupyter now, as `mspass-stack status` shows it."""

from collections.abc import Mapping
from typing import Any

from mspass_stack.agent.reverse import report_of
from mspass_stack.components.access import reverse_lines
from mspass_stack.errors import StackError
from mspass_stack.machines import slurm_node
from mspass_stack.spec.inventory import Inventory


def reverse(inventory: Inventory, outputs: Mapping[str, Any]) -> list[str]:
    """Return a line for each such host: what a laptop types to reach it, or why that leads nowhere."""
    if not (asked := outputs.get("reverse")):
        return []
    place, (jupyter, *_) = next(iter(inventory.hosts.values())), inventory.serving("frontend")
    node, run = slurm_node(place.connection), f"{place.stack_dir}/run"
    found: list[str] = []
    for login in (one["login"] for one in asked):
        try:
            report = report_of(node.read, run, login, node.allocation())
        except StackError as error:
            report = {"login": login, "at": "", "why": str(error)}
        (line,) = reverse_lines(place.connection, jupyter.spec.probe.port, [report]) or [f"no way: {report['why']}"]
        found.append(f"Jupyter by {login}: {line}")
    return found
