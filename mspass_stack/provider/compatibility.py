"""Which mongod may open which data: MongoDB upgrades one release at a time, and never goes back by itself.

The data say so themselves (their feature compatibility version), but only to a server that could open them; so we keep
a note of it beside them (MongoDB manual: "setFeatureCompatibilityVersion", "Upgrade ... to ...").
"""

import re

from mspass_stack.machine import Machine

RELEASES = ("4.2", "4.4", "5.0", "6.0", "7.0", "8.0")
"""MongoDB's yearly releases, in the order of upgrades."""


def note(home: str) -> str:
    """The file that holds the feature compatibility version of the data in a stack's folder."""
    return f"{home}/db-version"


def refusal(host: Machine, home: str, said: str) -> str:
    """Why a mongod may not open the data.

    Args:
        home: the stack's folder on the host.
        said: what `mongod --version` prints.

    Returns:
        Empty when it may, or when nothing is known of the data.
    """
    found = re.search(r"db version v(\d+\.\d+)", said)
    if found is None or not host.exists(note(home)):
        return ""
    program, data = found[1], host.read(note(home)).strip()
    if program == data or f"{data} {program}" in " ".join(RELEASES):
        return ""
    return (
        f"its mongod is {program}, but the data in {home} are of MongoDB {data}: "
        f"a server opens data of its own release and of the one before; go on with {data}, or upgrade step by step"
    )
