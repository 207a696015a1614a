"""Which mongod may open which data: MongoDB upgrades one release at a time, and never goes back by itself.

The data say so themselves (their feature compatibility version), but only to a server that could open them; so we keep
a note of it beside them (MongoDB manual: "setFeatureCompatibilityVersion", "Upgrade ... to ...").
"""

import re

from mspass_stack.agent.preparation import RELEASE
from mspass_stack.machines.base import Machine

RELEASES = ("4.2", "4.4", "5.0", "6.0", "7.0", "8.0")
"""MongoDB's yearly releases, in the order of upgrades."""


def note(stack_dir: str) -> str:
    """Return the file that holds the feature compatibility version of the data in a stack's directory."""
    return f"{stack_dir}/{RELEASE}"


def refusal(host: Machine, stack_dir: str, version: str) -> str | None:
    """Return why a mongod may not open the data; None when it may, or when nothing is known of them.

    Args:
        stack_dir: the stack's directory on the host.
        version: what `mongod --version` prints.
    """
    found = re.search(r"db version v(\d+\.\d+)", version)
    if found is None or not host.exists(note(stack_dir)):
        return None
    program, data = found[1], host.read(note(stack_dir)).strip()
    if program == data or f"{data} {program}" in " ".join(RELEASES):
        return None
    return (
        f"its mongod is {program}, but the data in {stack_dir} are of MongoDB {data}: "
        f"a server opens data of its own release and of the one before; go on with {data}, or upgrade step by step"
    )
