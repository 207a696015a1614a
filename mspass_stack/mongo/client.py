"""Clients of a single server, by the way to its host."""

from collections.abc import Generator
from contextlib import contextmanager
from tempfile import NamedTemporaryFile
from typing import Any, Protocol, TypeAlias

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

Client: TypeAlias = MongoClient[dict[str, Any]]


class Host(Protocol):
    """Where a server is."""

    def endpoint(self, address: str, port: int) -> tuple[str, int]:
        """Return where a port that the host sees at `address` is reached from here."""
        ...


class Here:
    """A host whose peers we are."""

    def endpoint(self, address: str, port: int) -> tuple[str, int]:
        return address, port


CONNECT_TIMEOUT = 3.0
"""Seconds for a server to take a connection."""

FOREIGN = (
    "pulumi up writes the stack's own certificate again; if that was not it, compare the clocks of both machines; one "
    "that has ended is read anew at the next start: pulumi destroy, which leaves the data, and pulumi up"
)
"""What to do about a server whose certificate does not hold."""

ANSWER_TIMEOUT = 60.0
"""Seconds for an answer; moving a database takes longer and is given more."""


def hello(address: str, port: int, timeout: float, authority: str = "") -> dict[str, Any]:
    """Ask `hello`, which needs no credentials.

    Raises:
        OSError: nobody answers within `timeout` seconds.
    """
    try:
        with _client(address, port, timeout, timeout, authority) as client:
            return client.admin.command("hello")
    except PyMongoError as error:
        raise OSError(brief(error)) from None


def internal(
    host: Host, address: str, port: int, key_file: str, authority: str, answer: float = ANSWER_TIMEOUT
) -> Client:
    """Return a client that acts as the server's internal user.

    Its credentials are the key file's content, so that users can be ensured on data of any origin: lost passwords are
    reset and no localhost exception is needed (SCRAM with the key file: MongoDB manual, "Keyfiles").

    Args:
        authority: certificate of who signs the server's, PEM; empty where it speaks no TLS.
        answer: seconds for each answer.
    """
    credentials = {"username": "__system", "password": key_file, "authSource": "local"}
    place = host.endpoint(address, port)
    return _client(*place, CONNECT_TIMEOUT, answer, authority, **credentials, authMechanism="SCRAM-SHA-256")


def logs_in(client: Client, user: str, password: str, authority: str) -> bool:
    """Return whether a user may log in to the server of a client."""
    address, port = client.address or ("", 0)
    credentials = {"username": user, "password": password, "authSource": "admin"}
    with _client(address, port, CONNECT_TIMEOUT, ANSWER_TIMEOUT, authority, **credentials) as own:
        try:
            return bool(own.admin.command("ping"))
        except OperationFailure:
            return False


def brief(error: PyMongoError) -> str:
    """Return what a server or driver said, without the topology that the driver appends."""
    text = str(error).split(" (configured", 1)[0].split(", Timeout:", 1)[0].split(", full error", 1)[0]
    return f"{text}; {FOREIGN}" if "certificate verify failed" in text else text


def said(error: Exception) -> str:
    """Return what an error says: of MongoDB, without what the driver appends."""
    return brief(error) if isinstance(error, PyMongoError) else str(error)


@contextmanager
def tls_options(authority: str) -> Generator[dict[str, Any]]:
    """Yield a client's options for TLS; it has to be made meanwhile, since it takes a file and reads it at once.

    Args:
        authority: certificate of who signs the server's, PEM; empty for no TLS.
    """
    if not authority:
        yield {}
        return
    with NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(authority)
        file.flush()
        yield {"tls": True, "tlsCAFile": file.name}


def _client(address: str, port: int, timeout: float, answer: float, authority: str, **credentials: Any) -> Client:
    milliseconds = int(timeout * 1000)
    with tls_options(authority) as encrypted:
        return MongoClient(
            address,
            port,
            directConnection=True,
            serverSelectionTimeoutMS=milliseconds,
            connectTimeoutMS=milliseconds,
            socketTimeoutMS=int(answer * 1000),
            **encrypted,
            **credentials,
        )
