"""One connection to a host over SSH, opened when it is needed and kept; the only file that imports fabric.

It is shared by what this process does there, so that sshd never sees a burst: its MaxStartups (10:30:100) counts
connections that are being opened, its MaxSessions (10) what runs in one.
"""

import logging
import socket
import threading
import time
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import fabric
import paramiko
from paramiko.ssh_exception import NoValidConnectionsError
from tenacity import RetryError, Retrying, retry_if_exception, stop_after_attempt, stop_after_delay, wait_random

from mspass_stack.errors import Unreachable
from mspass_stack.machines.shared_failure import SharedFailure
from mspass_stack.spec.connection import ConnectionSpec

CONNECT_TIMEOUT = 10
"""Seconds for one try to connect."""

TRIES = 8
"""An sshd that has too many connections half open drops some by chance; they are tried again after 0.2 to 2 seconds."""

KEEPALIVE = 15
"""Seconds between signs of life on a connection."""

SILENCE_TIMEOUT = 30_000
"""Milliseconds that what was sent may stay unconfirmed: then the host is cut off for whoever waits for it."""

TYPED = ("keyboard-interactive", "password")
"""The methods of authentication by which a user is asked for something."""

# What it warns of (a port that nobody listens on yet) is reported by whoever asked for it.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


class _Unknown(paramiko.MissingHostKeyPolicy):
    """A host key is never taken on trust."""

    def missing_host_key(self, client: Any, hostname: str, key: Any) -> None:
        name, _, port = hostname.strip("[]").partition("]:")
        scan = f"ssh-keyscan {f'-p {port} ' if port else ''}{name} >> ~/.ssh/known_hosts"
        raise paramiko.SSHException(
            f"its host key ({key.get_name()} {key.fingerprint}) is not in known_hosts: "
            f"compare it with the host's own and type: {scan}"
        )


class _Transport(paramiko.Transport):
    """Never asks its user, who may have no terminal."""

    def auth_interactive_dumb(self, username: str, handler: Any = None, submethods: str = "") -> list[str]:
        raise paramiko.BadAuthenticationType("it takes more than a key", list(TYPED))


class Connection:
    """The connection to a host."""

    def __init__(self, connection: ConnectionSpec) -> None:
        self._spec = connection
        self._opening = threading.Lock()
        self._kept: fabric.Connection | None = None
        self._failure = SharedFailure()
        self._asks = ""

    @cached_property
    def is_behind(self) -> bool:
        """Return whether the host is reached through another one."""
        prepared: Any = self._prepared()
        return bool(prepared.gateway)

    def transport(self) -> paramiko.Transport:
        """Return the open connection, be it a new one after the last broke.

        Raises:
            Unreachable: with the reason, and what to do about an unknown host key.
        """
        wanted = time.monotonic()
        with self._opening, self._failure.shared(wanted):
            kept = self._kept
            if self._asks:  # a site may shut out who knocks and does not answer
                raise Unreachable(self._asks)
            if kept is None or kept.transport is None or not kept.transport.is_active():
                self._kept = kept = self._connect()
            assert kept.transport is not None
            return kept.transport

    def session(self) -> paramiko.Channel:
        """Return a session in it; one that broke unseen (its host was off and on again) is opened anew."""
        transport = self.transport()
        try:
            return _open_session(transport)
        except (EOFError, ConnectionError, paramiko.SSHException):
            if transport.is_active():
                raise
            return _open_session(self.transport())

    def look(self) -> None:
        """See that the host answers; a connection in which it is silent is closed, so that the next one is new.

        Raises:
            Unreachable: it does not; or the connection broke, and whatever went through it has ended.
        """
        transport = self.transport()
        try:
            transport.open_session(timeout=SILENCE_TIMEOUT / 1000).close()
        except (EOFError, OSError, paramiko.SSHException) as error:
            if _is_refused(error):
                return  # which is an answer: others have all its sessions
            self._close(transport)
            raise Unreachable(f"{self._spec}: the connection broke: {_why(error)}") from None

    def _close(self, transport: paramiko.Transport) -> None:
        with self._opening:
            if self._kept is None or self._kept.transport is not transport:
                return  # somebody has opened a new one
            for hop in _hops(self._kept):
                hop.close()
            self._kept = None

    def _connect(self) -> fabric.Connection:
        retrying = Retrying(
            retry=retry_if_exception(_is_dropped),
            stop=stop_after_attempt(TRIES),
            wait=wait_random(0.2, 2),
            reraise=True,
        )
        try:
            return retrying(self._open)
        except _Asked:
            self._asks = (
                f"{self._spec} cannot be reached by ssh: it asks for a password or a token (tried {self._way}): "
                f"type: {self._spec.enter}"
            )
            raise Unreachable(self._asks) from None
        except (paramiko.SSHException, OSError, EOFError, RetryError) as error:
            why = _why(error)
            # A host key's message ends with what to type.
            tried = "" if "known_hosts" in why else f" (tried {self._way})"
            raise Unreachable(f"{self._spec} cannot be reached by ssh: {why}{tried}") from None

    @property
    def _way(self) -> str:
        hops: list[Any] = [*_hops(self._prepared())]
        return " through ".join(f"{hop.user}@{hop.host}:{hop.port}" for hop in hops)

    def _open(self) -> fabric.Connection:
        connection = self._prepared()
        try:
            connection.open()
        except paramiko.SSHException as error:
            asks = bool(self._spec.enter) and _asks_its_user(connection, error)
            connections: list[Any] = [*_hops(connection)]
            for hop in connections:
                hop.client.close()
            if asks:
                raise _Asked from None
            raise
        assert connection.transport is not None
        connection.transport.set_keepalive(KEEPALIVE)
        for hop in _hops(connection):
            assert hop.transport is not None
            if isinstance(hop.transport.sock, socket.socket):
                hop.transport.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENCE_TIMEOUT)
        return connection

    def _prepared(self) -> fabric.Connection:
        """Return the connection as config and ~/.ssh/config want it, not yet opened."""
        spec = self._spec
        for key, path in (("key", spec.key), ("known_hosts", spec.known_hosts)):
            if path and not Path(path).is_file():
                place = "slurm.login" if spec.enter else f"hosts.{spec.host}"
                raise Unreachable(f"{spec}: mspass:cluster.{place}.ssh.{key}: {path}: no such file")
        options: dict[str, Any] = {"banner_timeout": 3 * CONNECT_TIMEOUT, "auth_timeout": 3 * CONNECT_TIMEOUT}
        options["transport_factory"] = _Transport
        if spec.key:
            options["key_filename"] = spec.key
        gateway = _gateway(spec.jump, options) if spec.jump else None
        connection = fabric.Connection(
            spec.address,
            user=spec.user or None,
            port=spec.port or None,
            gateway=gateway,
            connect_timeout=CONNECT_TIMEOUT,
            connect_kwargs=options,
        )
        for hop in _hops(connection):
            _check_keys(hop, spec.known_hosts)
            # OpenSSH passes over a file of ~/.ssh/config that is not there; paramiko gives up.
            named = cast("dict[str, list[str]]", hop.connect_kwargs)
            keys = named.get("key_filename", [])
            named["key_filename"] = [key for key in keys if key == spec.key or Path(key).expanduser().exists()]
        return connection


def _open_session(transport: paramiko.Transport) -> paramiko.Channel:
    """Open a session; sshd refuses one while it is still closing others that ended."""
    retrying = Retrying(
        retry=retry_if_exception(_is_refused),
        stop=stop_after_delay(CONNECT_TIMEOUT),
        wait=wait_random(0.05, 0.5),
        reraise=True,
    )
    return retrying(transport.open_session, timeout=CONNECT_TIMEOUT)


def _gateway(jump: str, options: dict[str, Any]) -> fabric.Connection:
    return fabric.Connection(jump, connect_timeout=CONNECT_TIMEOUT, connect_kwargs=dict(options))


def _hops(connection: fabric.Connection) -> Iterator[fabric.Connection]:
    """Yield a connection, and those that it goes through."""
    yield connection
    through = cast("Any", connection).gateway
    if isinstance(through, fabric.Connection):
        yield from _hops(through)


def _check_keys(connection: fabric.Connection, known_hosts: str) -> None:
    """Known hosts from SSH's usual files, those that ~/.ssh/config names for the host, and the stack's own."""
    client: Any = connection.client
    config: Any = connection.ssh_config
    client.set_missing_host_key_policy(_Unknown())
    named = str(config.get("userknownhostsfile", "")).split()
    for file in ("/etc/ssh/ssh_known_hosts", "~/.ssh/known_hosts", *named, known_hosts):
        path = Path(file).expanduser()
        if file and path.is_file():
            client.load_system_host_keys(str(path))


class _Asked(Exception):
    """The server asks for what its user types."""


def _asks_its_user(connection: fabric.Connection, error: paramiko.SSHException) -> bool:
    """Return whether what is missing is to be typed: a password, a token, the passphrase of a key."""
    if isinstance(error, paramiko.PasswordRequiredException):
        return True
    if isinstance(error, paramiko.BadAuthenticationType):
        return not {*TYPED}.isdisjoint(error.allowed_types)
    connections: list[Any] = [*_hops(connection)]
    for hop in connections:
        transport: paramiko.Transport | None = hop.client.get_transport()
        if transport and transport.is_active() and not transport.is_authenticated():
            try:
                transport.auth_none(str(hop.user))
            except paramiko.BadAuthenticationType as refused:
                return not {*TYPED}.isdisjoint(refused.allowed_types)
            except (paramiko.SSHException, EOFError):
                return False
    return False


def _is_dropped(error: BaseException) -> bool:
    """Return whether sshd closed the connection before it said a word, which is what a full MaxStartups looks like."""
    return isinstance(error, EOFError | ConnectionResetError) or "banner" in str(error)


def _is_refused(error: BaseException) -> bool:
    """Return whether sshd refused a session; of two at once, paramiko gives one its reason, the other this text."""
    return isinstance(error, paramiko.ChannelException) or str(error) == "Unable to open channel."


def _why(error: BaseException) -> str:
    if isinstance(error, paramiko.BadHostKeyException):
        return (
            f"its host key ({error.key.get_name()}) is not the one in known_hosts: if the host was set up anew, "
            f"type: ssh-keygen -R {error.hostname}"
        )
    if isinstance(error, NoValidConnectionsError):
        output = [str(one.strerror or one) for one in cast("dict[Any, OSError]", error.errors).values()]
        return output[0]
    if "No existing session" in str(error):
        return (
            "the connection is made and nothing comes of it: do large packets get through (a firewall, a VPN, an MTU)? "
            "Try: ssh -v"
        )
    if isinstance(error, TimeoutError | socket.timeout):
        return f"no answer within {CONNECT_TIMEOUT} s"
    return str(error) or type(error).__name__
