"""`Encryption`: the servers of a database, brought to speak nothing but TLS while they serve.

Procedure: MongoDB manual, "Upgrade a Cluster to Use TLS/SSL", and "Rotate Certificates" (`rotateCertificates`). A mode
is for new connections only. Those that members hold among themselves would go on in clear, documents included, so they
are made anew once all servers prefer TLS.
"""

import hashlib
import socket
import ssl
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from pymongo.errors import PyMongoError

from mspass_stack.errors import InitFailed, Unreachable
from mspass_stack.machines import machine
from mspass_stack.machines.base import Machine
from mspass_stack.mongo.client import CONNECT_TIMEOUT, Client, internal, said
from mspass_stack.mongo.replica_set import Member
from mspass_stack.polling import keep_trying
from mspass_stack.provider.mongo import in_job
from mspass_stack.provider.mongo.places import members_at
from mspass_stack.provider.resources.base import Call, Resource
from mspass_stack.provider.resources.rest import or_rest, rests
from mspass_stack.provider.server.codec import Props
from mspass_stack.spec.connection import ConnectionSpec
from mspass_stack.spec.resources import EncryptionInputs, ServerPlace
from mspass_stack.spec.tls import MODES, PREFER, REQUIRE, mode_file

ANSWERS = 60.0
"""Seconds for a server that was started just now to answer."""


class Encryption(Resource[EncryptionInputs]):
    """Outputs: `modes`, and `shown`, the digest of the certificate that is shown, by server, as they were seen last."""

    model = EncryptionInputs

    def create(self, call: Call) -> tuple[str, Props]:
        id = f"{call.inputs['stack']}/encryption"
        return id, {} if call.preview else self._ensured(call, id)

    def read(self, call: Call) -> Props:
        """Look at every server; one that does not answer is taken as last known."""
        inputs = self.parse(call.inputs)
        if in_job.is_over(next(iter(inputs.connections.values()))):
            return call.outputs
        servers = _servers(inputs)
        modes, shown = _known(call)
        with ThreadPoolExecutor(len(servers)) as pool:
            for server, found in zip(servers, pool.map(Server.look, servers), strict=True):
                if found:
                    modes[server.name], shown[server.name] = found
        return call.outputs | {"modes": modes, "shown": shown}

    def diff(self, call: Call) -> list[str]:
        if rests(_first(call)):
            return super().diff(call)
        servers: dict[str, Props] = call.inputs["servers"]
        modes, shown = _known(call)
        desired = {name: call.inputs["certificates"].get(server["host"]) for name, server in servers.items()}
        drifted = ["servers"] if any(modes.get(name) != REQUIRE for name in servers) else []
        drifted += ["certificates"] if any(shown.get(name) != digest for name, digest in desired.items()) else []
        return super().diff(call) or drifted

    def update(self, call: Call) -> Props:
        return {} if call.preview else self._ensured(call, call.id)

    def _ensured(self, call: Call, id: str) -> Props:
        def as_known() -> Props:
            modes, shown = _known(call)
            return {"modes": modes, "shown": shown}

        return or_rest(_first(call), lambda: _ensure(call, id), as_known)


@dataclass(frozen=True)
class Server:
    """A server of MongoDB that speaks TLS.

    Attributes:
        certificate: digest of the one that it is to show.
    """

    name: str
    member: Member
    host: Machine
    place: ServerPlace
    trust: tuple[str, str]
    certificate: str

    def client(self) -> Client:
        return internal(self.member.host, self.member.address, self.member.port, *self.trust)

    def look(self) -> tuple[str, str] | None:
        """Return its mode and the digest of the certificate that it shows; None when it does not answer."""
        with suppress(PyMongoError, OSError, Unreachable), self.client() as client:
            return _mode(client), self.shown()
        return None

    def shown(self) -> str:
        """Return the digest of the certificate that it shows to whoever connects."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        place = self.member.host.endpoint(self.member.address, self.member.port)
        with socket.create_connection(place, CONNECT_TIMEOUT) as plain, context.wrap_socket(plain) as encrypted:
            return hashlib.sha256(encrypted.getpeercert(binary_form=True) or b"").hexdigest()

    def renew(self, client: Client) -> str:
        """Let it read its certificate anew where it shows another one."""
        shown = self.shown()
        if shown != self.certificate:
            client.admin.command("rotateCertificates")
            shown = self.shown()
        if shown != self.certificate:
            raise PyMongoError(f"{self.member.place} shows another certificate than its file was given")
        return shown

    def reconnect(self, client: Client, others: Sequence[str]) -> None:
        """Let it make its connections to others anew, also that by which it copies their writes."""
        client.admin.command({"dropConnections": 1, "hostAndPort": list(others)})
        if self.place.replica_set and (source := client.admin.command("replSetGetStatus").get("syncSourceHost")):
            client.admin.command({"replSetSyncFrom": source})


def _first(call: Call) -> ConnectionSpec:
    return next(iter(Encryption.model.model_validate(call.inputs).connections.values()))


def _known(call: Call) -> tuple[dict[str, str], dict[str, str]]:
    """Return modes and digests as they were seen last."""
    return dict(call.outputs.get("modes") or {}), dict(call.outputs.get("shown") or {})


def _servers(inputs: EncryptionInputs) -> list[Server]:
    connections = {name: inputs.connections[place.host] for name, place in inputs.servers.items()}
    members, trust = members_at(inputs.servers, connections), (inputs.key_file, inputs.authority)
    return [
        Server(name, members[name], machine(connections[name]), place, trust, inputs.certificates[place.host])
        for name, place in inputs.servers.items()
    ]


def _ensure(call: Call, id: str) -> Props:
    servers = _servers(Encryption.model.model_validate(call.inputs))
    try:
        modes = _everywhere(servers, lambda _, client: _mode(client))
        shown = _everywhere(servers, Server.renew)
        if {*modes.values()} != {REQUIRE}:
            modes = _raise(servers, lambda text: call.say("status", text))
        return {"modes": modes, "shown": shown}
    except (PyMongoError, OSError, Unreachable) as error:
        raise InitFailed(id, {"modes": {}, "shown": {}}, f"encryption of the database: {said(error)}") from None


def _raise(servers: Sequence[Server], say: Callable[[str], None]) -> dict[str, str]:
    """Bring all servers to TLS alone, mode by mode; return their modes."""
    say("all servers prefer TLS")
    _everywhere(servers, lambda _, client: _raise_to(client, PREFER))
    say("their connections are made anew")
    places = {server.member.place for server in servers}
    _everywhere(servers, lambda server, client: server.reconnect(client, [*places - {server.member.place}]))
    # Before the last step: one that restarts meanwhile is understood by all others.
    for server in servers:
        server.host.write(server.place.tls_mode, mode_file(REQUIRE))
    say("all servers require TLS")
    return _everywhere(servers, lambda _, client: _raise_to(client, REQUIRE))


def _everywhere(servers: Sequence[Server], step: Callable[[Server, Client], str | None]) -> dict[str, str]:
    """Take a step at all servers; returns when all have taken it.

    Raises:
        PyMongoError, OSError, Unreachable: one of them could not in time.
    """

    def at(server: Server) -> str | None:
        with server.client() as client:
            return step(server, client)

    def waiting(server: Server) -> str:
        return keep_trying(lambda: at(server), PyMongoError, ANSWERS) or ""

    with ThreadPoolExecutor(len(servers)) as pool:
        return {server.name: found for server, found in zip(servers, pool.map(waiting, servers), strict=True)}


def _mode(client: Client) -> str:
    return str(client.admin.command({"getParameter": 1, "tlsMode": 1})["tlsMode"])


def _raise_to(client: Client, mode: str) -> str:
    """Set a mode where the one before it holds."""
    if MODES.index(_mode(client)) < MODES.index(mode):
        client.admin.command({"setParameter": 1, "tlsMode": mode})
    return _mode(client)
