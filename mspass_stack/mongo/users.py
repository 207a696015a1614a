"""The users of a database, ensured on data of any origin."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from mspass_stack.mongo.client import Client, logs_in

READY_TIMEOUT = 30.0
"""Seconds for a server that was just seen ready to take commands."""


class User(Protocol):
    """Who may log in, and what he may do there in MongoDB's own names."""

    @property
    def password(self) -> str: ...
    @property
    def roles(self) -> Sequence[str]: ...


def present(client: Client, desired: Mapping[str, User], authority: str) -> dict[str, list[str]]:
    """Return the roles of all users; those of one who has another password than declared are none."""
    found = {user: sorted(role["role"] for role in roles) for user, roles in _known(client).items()}
    for user, declared in desired.items():
        if user in found and not logs_in(client, user, declared.password, authority):
            found[user] = []
    return found


def drifted(desired: Mapping[str, Mapping[str, Any]], found: object) -> bool:
    """Return whether a user lacks something that was declared, or has more.

    Args:
        desired: `DatabaseUser` by name, as it comes over the wire.
        found: what `present` said; of a state that does not know it, another thing or nothing.
    """
    roles = {user: sorted(declared["roles"]) for user, declared in desired.items()}
    return not isinstance(found, dict) or not roles.items() <= found.items()


def ensure(client: Client, users: Mapping[str, User]) -> None:
    """Make users, or give them their password and roles (again)."""
    there = _known(client)
    for user, desired in users.items():
        verb = "updateUser" if user in there else "createUser"
        client.admin.command(verb, user, pwd=desired.password, roles=list(desired.roles))


def drop(client: Client, users: set[str]) -> None:
    for user in users & set(_known(client)):
        client.admin.command("dropUser", user)


def release(client: Client) -> str:
    """Return which release the data are of."""
    requested = client.admin.command({"getParameter": 1, "featureCompatibilityVersion": 1})
    return str(requested["featureCompatibilityVersion"]["version"])


def _known(client: Client) -> dict[str, list[dict[str, str]]]:
    """Return the roles of all users as MongoDB has them."""
    return {user["user"]: user["roles"] for user in client.admin.command("usersInfo")["users"]}
