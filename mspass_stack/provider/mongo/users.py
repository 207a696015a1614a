"""The users of a database, ensured on data of any origin."""

from collections.abc import Mapping
from typing import Any

from pymongo.errors import ConnectionFailure, PyMongoError

from mspass_stack.errors import InitFailed
from mspass_stack.machines import machine
from mspass_stack.machines.base import Machine
from mspass_stack.polling import keep_trying
from mspass_stack.provider.mongo.client import Client, brief, internal, logs_in
from mspass_stack.provider.preflight.compatibility import note
from mspass_stack.provider.resources.base import Call, Resource
from mspass_stack.provider.server.codec import Props
from mspass_stack.spec.resources import DatabaseUser, DatabaseUsersInputs

READY_TIMEOUT = 30.0
"""Seconds for a server that was just seen ready to take commands."""


class DatabaseUsers(Resource[DatabaseUsersInputs]):
    """The users of an unsharded database. Output: `present`, the roles of all that it has."""

    model = DatabaseUsersInputs

    def create(self, call: Call) -> tuple[str, Props]:
        id = f"{call.inputs['stack']}/users@{call.inputs['address']}:{call.inputs['port']}"
        return id, {} if call.preview else self._ensure(self.parse(call.inputs), id)

    def read(self, call: Call) -> Props:
        inputs = self.parse(call.inputs)
        try:
            with _client(inputs) as client:
                return call.outputs | {"present": present(client, inputs.users, inputs.authority)}
        except ConnectionFailure:
            call.say("warning", f"{inputs.address}:{inputs.port} is unreachable: users as last known")
            return call.outputs

    def diff(self, call: Call) -> list[str]:
        names = super().diff(call)
        return names or (["users"] if drifted(call.inputs["users"], call.outputs.get("present")) else [])

    def update(self, call: Call) -> Props:
        if call.preview:
            return {}
        inputs = self.parse(call.inputs)
        outputs = self._ensure(inputs, call.id)
        with _client(inputs) as client:
            drop(client, set(self.parse(call.old_inputs).users) - set(inputs.users))
        return outputs

    def _ensure(self, inputs: DatabaseUsersInputs, id: str) -> Props:
        def ensured() -> dict[str, list[str]]:
            with _client(inputs) as client:
                ensure(client, inputs.users)
                take_note(client, machine(inputs.connection), inputs.stack_dir)
                return present(client, inputs.users, inputs.authority)

        try:
            return {"present": keep_trying(ensured, PyMongoError, READY_TIMEOUT)}
        except PyMongoError as error:
            place = f"{inputs.address}:{inputs.port}"
            raise InitFailed(id, {"present": {}}, f"users of {place}: {brief(error)}") from None


def present(client: Client, desired: Mapping[str, DatabaseUser], authority: str) -> dict[str, list[str]]:
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


def ensure(client: Client, users: Mapping[str, DatabaseUser]) -> None:
    """Make users, or give them their password and roles (again)."""
    there = _known(client)
    for user, desired in users.items():
        verb = "updateUser" if user in there else "createUser"
        client.admin.command(verb, user, pwd=desired.password, roles=desired.roles)


def drop(client: Client, users: set[str]) -> None:
    for user in users & set(_known(client)):
        client.admin.command("dropUser", user)


def _known(client: Client) -> dict[str, list[dict[str, str]]]:
    """Return the roles of all users as MongoDB has them."""
    return {user["user"]: user["roles"] for user in client.admin.command("usersInfo")["users"]}


def take_note(client: Client, host: Machine, stack_dir: str) -> None:
    """Note beside the data which release they are of."""
    requested = client.admin.command({"getParameter": 1, "featureCompatibilityVersion": 1})
    host.write(note(stack_dir), f"{requested['featureCompatibilityVersion']['version']}\n")


def _client(inputs: DatabaseUsersInputs) -> Client:
    host = machine(inputs.connection)
    return internal(host, inputs.address, inputs.port, inputs.key_file, inputs.authority)
