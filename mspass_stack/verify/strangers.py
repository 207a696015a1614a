"""What a port tells a stranger: only proof of a refusal counts, since a closed or a plain port fails too."""

import socket
import ssl
import struct
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from typing import Any

from pymongo import MongoClient
from pymongo.monitoring import (
    ServerHeartbeatFailedEvent,
    ServerHeartbeatListener,
    ServerHeartbeatStartedEvent,
    ServerHeartbeatSucceededEvent,
)

from mspass_stack.provider.resources.base import Call
from mspass_stack.provider.resources.certificate import Certificate, CertificateAuthority
from mspass_stack.verify.deployed import ANSWER, PATIENCE

WANTED = ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "SSLV3_ALERT_HANDSHAKE_FAILURE")
"""The server's own alert for a client without a certificate, of TLS 1.3 and of TLS 1.2."""

RPC, RPC_REQUEST = struct.Struct(">QbQI"), 3
"""The head of a request to a Spark (spark-network-common, `MessageEncoder` and `RpcRequest`), and its type."""

UNKNOWN = b"Unknown challenge message"
"""What it says to whoever begins by something else than proof that they know the secret (`AuthRpcHandler`)."""

ALERT = b"\x15\x03"
"""What a TLS record with an alert begins with (RFC 8446, "Record Protocol")."""


def without_certificate(address: str, port: int) -> str:
    """Speak TLS without a certificate; empty when one is asked for, else what happened."""
    try:
        with _encrypted(address, port) as encrypted:
            # Under TLS 1.3 the client has shaken hands before the server sees that it has no certificate.
            return f"{port}: serves without a certificate, and said {encrypted.recv(100)!r}"
    except ssl.SSLError as error:
        return "" if error.reason in WANTED else f"{port}: no TLS that asks for a certificate: {error}"
    except OSError as error:
        return f"{port}: {type(error).__name__}: {error}"


def without_tls(address: str, port: int) -> str:
    """Speak without encryption; empty when the port hangs up on it, else what happened.

    A plain port of Dask greets whoever connects, one with pages answers the request.
    """
    try:
        with socket.create_connection((address, port), ANSWER) as plain:
            plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
            output = plain.recv(100)
    except ConnectionResetError:
        return ""
    except OSError as error:
        return f"{port}: {type(error).__name__}: {error}"
    return "" if not output or output.startswith(ALERT) else f"{port}: answers without encryption: {output!r}"


def without_secret(address: str, port: int) -> str:
    """Ask a Spark for something without its secret; empty when it wants that first, else what happened."""
    question = b"anything"
    try:
        with socket.create_connection((address, port), ANSWER) as plain:
            plain.sendall(RPC.pack(RPC.size + len(question), RPC_REQUEST, 1, len(question)) + question)
            with plain.makefile("rb") as answers:
                output = answers.read()
    except OSError as error:
        return f"{port}: {type(error).__name__}: {error}"
    return "" if UNKNOWN in output else f"{port}: answers without its secret: {output[:300]!r}"


class _Heard(ServerHeartbeatListener):
    """What became of each attempt of a client to reach its server: empty, or why it failed."""

    def __init__(self) -> None:
        self.answers: Queue[str] = Queue()

    def started(self, event: ServerHeartbeatStartedEvent) -> None:
        pass

    def succeeded(self, event: ServerHeartbeatSucceededEvent) -> None:
        self.answers.put("")

    def failed(self, event: ServerHeartbeatFailedEvent) -> None:
        self.answers.put(str(event.reply))


def refusal(*where: str | int, **options: Any) -> str:
    """Return why MongoDB's driver fails at its first attempt, which no operation waits for; empty if it does not.

    Raises:
        queue.Empty: nothing has come of it in time.
    """
    heard = _Heard()
    with MongoClient[dict[str, int]](*where, **options, event_listeners=[heard]):  # pyright: ignore[reportArgumentType]
        return heard.answers.get(timeout=ANSWER)


def certificate(address: str, port: int) -> bytes:
    """The certificate that a port shows to whoever connects, as DER."""
    with _encrypted(address, port) as encrypted:
        return encrypted.getpeercert(binary_form=True) or b""


@contextmanager
def _encrypted(address: str, port: int) -> Generator[ssl.SSLSocket]:
    """A connection by TLS to whoever answers, without a certificate of one's own."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection((address, port), ANSWER) as plain, context.wrap_socket(plain) as encrypted:
        yield encrypted


def foreign_files(directory: Path) -> tuple[Path, Path]:
    """Write the certificate of an authority of nobody, and one with its key that it has signed."""
    _, authority = CertificateAuthority().create(Call("foreign", {"stack": "foreign"}))
    signing = {"authority": authority["certificate"], "authorityKey": authority["signer"], "names": ["localhost"]}
    _, signed = Certificate().create(Call("foreign", signing))
    own, certificate = directory / "foreign-ca.pem", directory / "foreign.pem"
    own.write_text(authority["certificate"])
    certificate.write_text(signed["pem"])
    return own, certificate


def can_connect(address: str, port: int) -> bool:
    """Whether a connection to a port can be made straight from here."""
    try:
        socket.create_connection((address, port), PATIENCE).close()
    except OSError:
        return False
    return True
