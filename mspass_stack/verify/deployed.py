"""A deployed stack as its outputs describe it."""

import json
import re
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from mspass_stack import state
from mspass_stack.agent.size import words_of
from mspass_stack.agent.words import filled
from mspass_stack.machines import machine, slurm_node
from mspass_stack.machines.base import Machine
from mspass_stack.mongo.client import tls_options
from mspass_stack.spec.inventory import Entry, Inventory
from mspass_stack.spec.layout import StackLayout
from mspass_stack.verify.inspector import ProcessInspector
from mspass_stack.verify.places import machine_at

ANSWER = 30
"""Seconds for an answer of what is up, be its machine busy or the way to it new."""

OPERATION = 10
"""Seconds for whatever the database is asked to do."""

PATIENCE = 3
"""Seconds that a service may take to answer a look."""

SECRETS = ("keyfile", "jupyter-token", "jupyter_server_config.json", "jupyter.pem", "dask.pem")
"""In the directory of secrets; what MongoDB reads anew while it runs is the same certificate as Dask's."""

TELLING = 16
"""Characters that a line of a secret file must have to be told from words that are none."""


CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
"""Shown to whoever connects; the key beside it is not."""


@dataclass(frozen=True)
class Deployed:
    """Outputs and inventory.

    Attributes:
        notes: lines for the end of the report: what was not looked at.
        inspectors: of the processes that were looked at, by name.
    """

    outputs: dict[str, Any]
    inventory: Inventory
    notes: list[str] = field(default_factory=list[str])
    inspectors: dict[str, ProcessInspector] = field(default_factory=dict[str, ProcessInspector], repr=False)
    _answers: dict[str, bool] = field(default_factory=dict[str, bool], repr=False)
    _known: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str], repr=False)

    @classmethod
    def of(cls, stack: str) -> "Deployed":
        """Read the outputs of a stack.

        Raises:
            NotUpError: there is no such stack, or it is not up.
        """
        return cls(*state.deployed(stack))

    @property
    def is_open_to_others(self) -> bool:
        """Whether it listens where other machines may come in."""
        return any(not entry.address.startswith("127.") for entry in self.inventory.processes)

    def host(self, name: str) -> Any:
        """A host of the stack: a testinfra `Host`, whose modules are known at run time only."""
        return machine_at(self.inventory.hosts[name].connection)

    def uid(self, host: str) -> int:
        return int(self.inventory.hosts[host].user.split(":")[0])

    def place(self, process: Entry, port: int) -> tuple[str, int]:
        """Where a port of a process is reached from here."""
        return self._machine(process.host).endpoint(process.address, port)

    def pages(self, process: Entry) -> str:
        """Where the HTTP pages by which a process is probed are reached from here."""
        address, port = self._machine(process.spec.probe.host).endpoint(
            process.spec.probe.address, process.spec.probe.port
        )
        return f"{'https' if process.spec.probe.kind == 'https' else 'http'}://{address}:{port}"

    def words(self, process: Entry) -> list[str]:
        """The words behind its program, with what the node of the day has put in."""
        if not self.inventory.connection(process).job:
            return process.argv[1:]
        path = StackLayout(process.spec.stack_dir).size_of(process.name)
        known = words_of(json.loads(self._machine(process.host).read(str(path))))
        return [filled(word, known) for word in process.argv[1:]]

    @property
    def client_profile(self) -> Path | None:
        """The env file of the user's own shell; none where its names would lead nowhere."""
        if "clientProfile" not in self.outputs:
            self.notes.append(
                "the nodes' names lead nowhere outside of their job: programs go there by mspass-stack run"
            )
            return None
        return Path(self.outputs["clientProfile"])

    def resolved(self, process: Entry) -> str:
        """The IP address of a process's host."""
        connection = self.inventory.connection(process)
        if connection.job and not process.address.startswith("127."):
            return str(slurm_node(connection).allocation()["nodes"][process.host]["address"])
        return socket.gethostbyname(process.address)

    @property
    def trust(self) -> ssl.SSLContext:
        """What a browser of the stack's user trusts."""
        return ssl.create_default_context(cadata=self.inventory.pages_authority or None)

    def own_pages(self, process: Entry) -> set[int]:
        """The declared ports that stay inside their host: pages that ask nobody for a password, or speak in clear.

        What clients and peers speak to is the first of them.
        """
        probed = process.spec.probe
        return (
            set(process.ports[1:]) | {probed.port} & set(process.ports) if probed.address.startswith("127.") else set()
        )

    def database(self, process: Entry | None = None) -> MongoClient[dict[str, Any]]:
        """The database as its user, by its entrance or by another router."""
        parts = urlsplit(str(self.outputs["databaseUri"]))
        credentials = {"username": parts.username, "password": self.password}
        # A router waits longer for the shard that it has lost.
        return self.mongo(process or self.inventory.database_endpoint, **credentials, timeoutMS=OPERATION * 1000)

    def members(self, name: str) -> set[str]:
        """The members that a replica set has by declaration, as MongoDB writes them."""
        return {f"{entry.address}:{entry.ports[0]}" for entry in self._set(name)}

    def primary(self, process: Entry) -> Entry:
        """The primary of a process's replica set.

        Raises:
            AssertionError: it has none.
        """
        for entry in self._set(process.replica_set):
            with self.mongo(entry) as client:
                if client.admin.command("hello")["isWritablePrimary"]:
                    return entry
        raise AssertionError(f"replica set {process.replica_set} has no primary")

    def mongo(self, process: Entry, **credentials: Any) -> MongoClient[dict[str, Any]]:
        """One server of MongoDB, by no credentials or by some.

        Raises:
            ConnectionError: it did not answer the first time.
        """
        address, port = self.place(process, process.ports[0])
        options: dict[str, Any] = {"directConnection": True, "serverSelectionTimeoutMS": PATIENCE * 1000}
        with tls_options(self.inventory.authority) as tls:
            options = {**options, **tls}
            if process.name not in self._answers:
                with suppress(PyMongoError), MongoClient[dict[str, Any]](address, port, **options) as client:
                    self._answers[process.name] = bool(client.admin.command("hello"))
            if not self._answers.setdefault(process.name, False):
                raise ConnectionError(f"{process.name} does not answer at {address}:{port}")
            return MongoClient(address, port, **options, **credentials)

    def internal(self, process: Entry) -> MongoClient[dict[str, Any]]:
        """One server of MongoDB as its internal user, which the owner of the key file may be."""
        credentials = {"username": "__system", "password": self._secret(process.host, "keyfile"), "authSource": "local"}
        return self.mongo(process, **credentials, authMechanism="SCRAM-SHA-256")

    def secrets(self, host: str) -> PurePosixPath:
        """Return the directory of a host's secret files."""
        return PurePosixPath(self.inventory.hosts[host].stack_dir) / "secrets"

    def secrets_on(self, host: str) -> list[str]:
        """What nobody else may see, by the files that a host has."""
        known = [secret for name in SECRETS for secret in telling_lines(self._secret(host, name))]
        return [*known, *([self.password] if "databaseUri" in self.outputs else [])]

    @property
    def everybodys_address(self) -> str:
        """The database's address as every host has it; empty without a database."""
        uri = str(self.outputs.get("databaseUri", ""))
        if self.inventory.authority and uri:
            entrance = self.inventory.database_endpoint
            path = quote(f"{self.inventory.hosts[entrance.host].stack_dir}/ca.pem", safe="")
            if f"tlsCAFile={path}&" not in uri:
                self.notes.append("databaseUri holds on this machine only: tasks cannot use it")
                uri = re.sub("tlsCAFile=[^&]*", f"tlsCAFile={path}", uri)
        return uri

    @property
    def password(self) -> str:
        return urlsplit(str(self.outputs["databaseUri"])).password or ""

    def _secret(self, host: str, name: str) -> str:
        """Return what is in a secret file, read once; nothing where there is none."""
        if (host, name) not in self._known:
            file = self.host(host).file(str(self.secrets(host) / name))
            self._known[host, name] = file.content_string if file.exists else ""
        return self._known[host, name]

    def _set(self, name: str) -> list[Entry]:
        return [entry for entry in self.inventory.processes if entry.replica_set == name]

    def _machine(self, host: str) -> Machine:
        return machine(self.inventory.hosts[host].connection)


DEPLOYED = pytest.StashKey[Deployed]()


def telling_lines(content: str) -> list[str]:
    """What of a secret file must be seen nowhere, line by line: a newline looks different in a log or in JSON."""
    values = re.sub(r'"\w+":', " ", CERTIFICATE.sub("", content))  # without the names in a file of JSON
    words = re.split(r'[\s"{}]+', values)
    return [word for word in words if len(word) >= TELLING and not word.startswith("-----")]
