"""A double: `docker:index/network:Network` on a real engine."""

import docker
from docker.errors import APIError, NotFound

from mspass_stack.provider.codec import Props
from mspass_stack.provider.resource import Call, Refused, Resource
from mspass_stack.provider.waiting import wait_until
from tests.harness.docker_plugin.connection import Connection
from tests.harness.docker_plugin.schema import NETWORK


class Network(Resource):
    """A network with a name and labels."""

    known = NETWORK

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def _client(self) -> "docker.DockerClient":
        return self._connection.client

    def defaults(self, inputs: Props) -> Props:
        return {"ipamDriver": "default", "__defaults": ["ipamDriver"], **inputs}

    def create(self, call: Call) -> tuple[str, Props]:
        if call.preview:
            return "", {}
        labels = {label["label"]: label["value"] for label in call.inputs.get("labels", [])}
        try:
            made = self._client.networks.create(call.inputs["name"], labels=labels, check_duplicate=True)
        except APIError as error:
            raise Refused(f"Unable to create network: {error.explanation}") from None
        return str(made.id), {"driver": "bridge", "scope": "local"}

    def read(self, call: Call) -> Props | None:
        try:
            self._client.networks.get(call.id)
        except APIError:
            return None  # any error, as the official one
        return call.outputs

    def update(self, call: Call) -> Props:
        return {}

    def delete(self, call: Call) -> None:
        def gone() -> bool:
            try:
                self._client.networks.get(call.id).remove()
            except NotFound:
                return True
            except APIError as error:
                if "has active endpoints" not in str(error.explanation):
                    raise Refused(f"Unable to remove network: {error.explanation}") from None
                return False
            return True

        if not wait_until(gone, 30):
            raise Refused(f"Unable to remove network {call.id}: it has active endpoints")
