"""What of a stack's data outlives its job: as declared, and the version that there is."""

import json
from collections.abc import Mapping
from typing import Any

from mspass_stack.agent.staging import FILE, LOCAL, described
from mspass_stack.agent.store import CURRENT, FOLDER, MANIFEST
from mspass_stack.machines import slurm_node
from mspass_stack.machines.base import Machine
from mspass_stack.spec.inventory import Inventory


def durability(inventory: Inventory, outputs: Mapping[str, Any]) -> str:
    """Return it in one line; empty where no job has a database."""
    declared = str(outputs.get("durability", ""))
    if not declared.startswith(LOCAL):
        return declared
    place = next(iter(inventory.hosts.values()))
    login, store = slurm_node(place.connection).login, f"{place.stack_dir}/{FOLDER}"
    declared += f"; {_version(login, store)}"
    try:
        why = json.loads(login.read(f"{place.stack_dir}/run/{FILE}")).get("checkpoint")
    except (OSError, ValueError):
        why = ""
    return f"{declared}; {why}" if why else declared


def _version(login: Machine, store: str) -> str:
    try:
        name = str(login.read(f"{store}/{CURRENT}")).strip()
        version: dict[str, Any] = json.loads(login.read(f"{store}/{name}/{MANIFEST}"))
    except (OSError, ValueError):
        return "no version yet"
    return described(version)
