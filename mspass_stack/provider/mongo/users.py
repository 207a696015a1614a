"""`DatabaseUsers`: the users of an unsharded database."""

from pymongo.errors import ConnectionFailure, PyMongoError

from mspass_stack.errors import InitFailed, Refused, Unreachable
from mspass_stack.machines import machine
from mspass_stack.mongo import users
from mspass_stack.mongo.client import Client, internal, said
from mspass_stack.polling import keep_trying
from mspass_stack.provider.mongo import in_job
from mspass_stack.provider.mongo.places import take_note
from mspass_stack.provider.resources.base import Call, Resource
from mspass_stack.provider.resources.rest import or_rest
from mspass_stack.provider.server.codec import Props
from mspass_stack.spec.resources import DatabaseUsersInputs


class DatabaseUsers(Resource[DatabaseUsersInputs]):
    """The users of an unsharded database. Output: `present`, the roles of all that it has."""

    model = DatabaseUsersInputs

    def create(self, call: Call) -> tuple[str, Props]:
        id = f"{call.inputs['stack']}/users@{call.inputs['address']}:{call.inputs['port']}"
        return id, {} if call.preview else self._ensure(call, id)

    def read(self, call: Call) -> Props:
        inputs = self.parse(call.inputs)
        if in_job.is_over(inputs.connection):
            return call.outputs
        try:
            with _client(inputs) as client:
                return call.outputs | {"present": users.present(client, inputs.users, inputs.authority)}
        except ConnectionFailure:
            call.say("warning", f"{inputs.address}:{inputs.port} is unreachable: users as last known")
            return call.outputs

    def diff(self, call: Call) -> list[str]:
        names = super().diff(call)
        return names or (["users"] if users.drifted(call.inputs["users"], call.outputs.get("present")) else [])

    def update(self, call: Call) -> Props:
        if call.preview:
            return {}
        return or_rest(self.parse(call.inputs).connection, lambda: self._updated(call), lambda: call.outputs)

    def _updated(self, call: Call) -> Props:
        inputs = self.parse(call.inputs)
        outputs = self._ensure(call, call.id)
        with _client(inputs) as client:
            users.drop(client, set(self.parse(call.old_inputs).users) - set(inputs.users))
        return outputs

    def _ensure(self, call: Call, id: str) -> Props:
        inputs = self.parse(call.inputs)

        def ensured() -> dict[str, list[str]]:
            with _client(inputs) as client:
                users.ensure(client, inputs.users)
                take_note(client, machine(inputs.connection), inputs.stack_dir)
                return users.present(client, inputs.users, inputs.authority)

        try:
            if inputs.connection.job:
                return in_job.prepare(inputs.connection, call, anew=bool(call.old_inputs))
            return {"present": keep_trying(ensured, PyMongoError, users.READY_TIMEOUT)}
        except (PyMongoError, Refused, Unreachable) as error:
            raise InitFailed(id, {"present": {}}, f"users of {inputs.address}:{inputs.port}: {said(error)}") from None


def _client(inputs: DatabaseUsersInputs) -> Client:
    host = machine(inputs.connection)
    return internal(host, inputs.address, inputs.port, inputs.key_file, inputs.authority)
