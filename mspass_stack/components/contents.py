"""What stands in the secret files of a stack. Pure."""

import hashlib
import json
from typing import Literal

from mspass_stack import roles
from mspass_stack.rendered import Home
from mspass_stack.topology import Topology


def environment(topology: Topology, password: str, side: Literal["peer", "user"], home: Home | None = None) -> str:
    """An env file by which clients find the cluster.

    Args:
        home: where the certificates are, for a file that has to name them: those of processes are in their own
            environment.
    """
    found = roles.client_environment(topology, side)
    if uri := roles.database_uri(topology, password, side):
        found["MSPASS_DB_ADDRESS"] = uri
    if home:
        found |= roles.tls_environment(topology, home)
    # Values are addresses, numbers and paths; single quotes keep the `&` and `?` of a URI from the shell.
    return "".join(f"{key}='{value}'\n" for key, value in sorted(found.items()))


def jupyter_config(token: str, password: str | None) -> str:
    """Jupyter's hashed password, with a salt that stays the same from one `up` to the next."""
    if not password:
        return "{}\n"
    salt = hashlib.sha256(token.encode()).hexdigest()[:12]
    hashed = hashlib.sha256(password.encode() + salt.encode()).hexdigest()
    return json.dumps({"PasswordIdentityProvider": {"hashed_password": f"sha256:{salt}:{hashed}"}}) + "\n"
