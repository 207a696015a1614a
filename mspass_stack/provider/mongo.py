"""What the plugin says to MongoDB; the only file that imports pymongo."""

from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import ConnectionFailure, PyMongoError

from mspass_stack.provider.codec import Props
from mspass_stack.provider.compatibility import note
from mspass_stack.provider.resource import Call, InitFailed, Resource
from mspass_stack.provider.waiting import wait_until

PATIENCE = 30.0
"""Seconds for a server that was just seen ready to take commands."""


def is_writable_primary(address: str, port: int, timeout: float) -> bool:
    """Ask `hello`, which needs no credentials.

    Raises:
        OSError: nobody answers within `timeout` seconds.
    """
    try:
        with _client(address, port, timeout) as client:
            return bool(client.admin.command("hello")["isWritablePrimary"])
    except PyMongoError as error:
        raise OSError(str(error).split(" (", 1)[0].split(",", 1)[0]) from None


class DatabaseUsers(Resource):
    """The users of an unsharded database. Inputs: `address`, `port`, `keyFile`, `users`, `home`, `incarnation`.

    Users are ensured on data of any origin: the server's key file lets us act as its internal user, so lost passwords
    are reset and no localhost exception is needed (SCRAM with the key file's content: MongoDB manual, "Keyfiles").
    """

    def create(self, call: Call) -> tuple[str, Props]:
        id = f"{call.inputs['stack']}/users@{call.inputs['address']}:{call.inputs['port']}"
        return id, {} if call.preview else self._ensure(call, id)

    def read(self, call: Call) -> Props:
        try:
            with _internal(call.inputs) as client:
                return call.outputs | {"present": _present(client)}
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
        dropped = set(call.old_inputs["users"]) - set(call.inputs["users"])
        with _internal(call.inputs) as client:
            for user in dropped:
                client.admin.command("dropUser", user)
        return outputs

    def _ensure(self, call: Call, id: str) -> Props:
        error = "no answer"

        def ensured() -> list[str] | None:
            nonlocal error
            try:
                with _internal(call.inputs) as client:
                    for user, wished in call.inputs["users"].items():
                        verb = "updateUser" if user in _present(client) else "createUser"
                        client.admin.command(verb, user, pwd=wished["password"], roles=wished["roles"])
                    _take_note(client, Path(call.inputs["home"]))
                    return _present(client)
            except PyMongoError as failure:
                error = str(failure)
                return None

        present = wait_until(ensured, PATIENCE)
        if present is None:
            raise InitFailed(id, {"present": []}, f"users of {call.inputs['address']}:{call.inputs['port']}: {error}")
        return {"present": present}


def _present(client: MongoClient[dict[str, Any]]) -> list[str]:
    return sorted(user["user"] for user in client.admin.command("usersInfo")["users"])


def _take_note(client: MongoClient[dict[str, Any]], home: Path) -> None:
    asked = client.admin.command({"getParameter": 1, "featureCompatibilityVersion": 1})
    note(home).write_text(f"{asked['featureCompatibilityVersion']['version']}\n")


def _internal(inputs: Props) -> MongoClient[dict[str, Any]]:
    return _client(
        inputs["address"],
        inputs["port"],
        3.0,
        username="__system",
        password=inputs["keyFile"],
        authSource="local",
        authMechanism="SCRAM-SHA-256",
    )


def _client(address: str, port: int, timeout: float, **credentials: Any) -> MongoClient[dict[str, Any]]:
    return MongoClient(
        address,
        port,
        directConnection=True,
        serverSelectionTimeoutMS=int(timeout * 1000),
        connectTimeoutMS=int(timeout * 1000),
        **credentials,
    )
