"""The users of a database, ensured on data of any origin."""

from collections.abc import Mapping
from typing import Any

from pymongo.errors import ConnectionFailure, PyMongoError

from mspass_stack.machine import Machine
from mspass_stack.provider.codec import Props
from mspass_stack.provider.compatibility import note
from mspass_stack.provider.machines import machine_of
from mspass_stack.provider.mongo.client import Client, brief, internal
from mspass_stack.provider.resource import Call, InitFailed, Resource
from mspass_stack.provider.waiting import keep_trying

PATIENCE = 30.0
"""Seconds for a server that was just seen ready to take commands."""


class DatabaseUsers(Resource):
    """The users of an unsharded database.

    Inputs: `reach`, `address`, `port`, `keyFile`, `users`, `home`, `incarnation`.
    """

    def create(self, call: Call) -> tuple[str, Props]:
        id = f"{call.inputs['stack']}/users@{call.inputs['address']}:{call.inputs['port']}"
        return id, {} if call.preview else self._ensure(call, id)

    def read(self, call: Call) -> Props:
        try:
            with _client(call.inputs) as client:
                return call.outputs | {"present": present(client)}
        except ConnectionFailure:
            call.say("warning", f"{call.inputs['address']}:{call.inputs['port']} is unreachable: users as last known")
            return call.outputs

    def diff(self, call: Call) -> list[str]:
        names = super().diff(call)
        drifted = not names and set(call.inputs["users"]) - set(call.outputs.get("present", []))
        return ["users"] if drifted else names

    def update(self, call: Call) -> Props:
        if call.preview:
            return {}
        outputs = self._ensure(call, call.id)
        with _client(call.inputs) as client:
            drop(client, set(call.old_inputs["users"]) - set(call.inputs["users"]))
        return outputs

    def _ensure(self, call: Call, id: str) -> Props:
        def ensured() -> list[str]:
            with _client(call.inputs) as client:
                ensure(client, call.inputs["users"])
                take_note(client, machine_of(call.inputs), call.inputs["home"])
                return present(client)

        try:
            return {"present": keep_trying(ensured, PyMongoError, PATIENCE)}
        except PyMongoError as error:
            place = f"{call.inputs['address']}:{call.inputs['port']}"
            raise InitFailed(id, {"present": []}, f"users of {place}: {brief(error)}") from None


def present(client: Client) -> list[str]:
    return sorted(user["user"] for user in client.admin.command("usersInfo")["users"])


def ensure(client: Client, users: Mapping[str, Mapping[str, Any]]) -> None:
    """Make users, or give them their password and roles (again)."""
    there = present(client)
    for user, wished in users.items():
        verb = "updateUser" if user in there else "createUser"
        client.admin.command(verb, user, pwd=wished["password"], roles=list(wished["roles"]))


def drop(client: Client, users: set[str]) -> None:
    for user in users & set(present(client)):
        client.admin.command("dropUser", user)


def take_note(client: Client, host: Machine, home: str) -> None:
    """Note beside the data which release they are of."""
    asked = client.admin.command({"getParameter": 1, "featureCompatibilityVersion": 1})
    host.write(note(home), f"{asked['featureCompatibilityVersion']['version']}\n")


def _client(inputs: Props) -> Client:
    return internal(machine_of(inputs), inputs["address"], inputs["port"], inputs["keyFile"])
