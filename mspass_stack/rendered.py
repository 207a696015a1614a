"""The contract between what declares a process and what runs it: a versioned value, stored in Pulumi's state.

The components render it, the provider executes it. An upgrade of the library that renders differently shows up in the
preview as a change of this value, and a state written by an old version stays readable by its `schema`.
"""

import hashlib
import json
import shlex
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

CONFIG_SET = "configserver"
"""The replica set of the config servers, named as MsPASS's own script names it."""


class Value(BaseModel):
    """A frozen value; unknown keys are refused, so that a newer schema is never half understood."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Reach(Value):
    """How a host is reached; all empty for this machine. In no diff: another way to a host changes nothing on it.

    Attributes:
        host: its key in the config, for messages.
        address: what SSH connects to.
        user, port: SSH's own choice (~/.ssh/config) where empty.
        key, known_hosts: files beside those that SSH reads anyway.
        jump: [USER@]HOST[:PORT] to go through.
    """

    host: str = ""
    address: str = ""
    user: str = ""
    port: int = 0
    key: str = ""
    known_hosts: str = ""
    jump: str = ""

    def __str__(self) -> str:
        return f"host '{self.host}' ({self.address})"

    @property
    def remote(self) -> bool:
        return bool(self.address)

    @property
    def engine(self) -> str:
        """The address of its Docker engine, as Docker's own tools take it."""
        user, port = f"{self.user}@" if self.user else "", f":{self.port}" if self.port else ""
        return f"ssh://{user}{self.address}{port}"

    @property
    def ssh(self) -> list[str]:
        """The command line of OpenSSH to it; one more word is a command line there."""
        return ["ssh", *self.ssh_options, *self._target]

    def tunnel(self, address: str, port: int) -> list[str]:
        """The command line by which a person opens a port that the host sees at `address` on this machine."""
        own = {name: value for name, value in self._own.items() if name not in ("BatchMode", "StrictHostKeyChecking")}
        return ["ssh", *_options(own), "-N", "-L", f"{port}:{address}:{port}", *self._target]

    @property
    def ssh_options(self) -> list[str]:
        """Words for OpenSSH: one shared connection per host, no questions, host keys checked.

        The shared connection is a socket in `forward.own_folder()`; without that folder ssh shares none.
        """
        shared = {"ControlMaster": "auto", "ControlPath": "/tmp/mspass-%i/%C", "ControlPersist": "60"}
        return _options({**shared, "ConnectTimeout": "10", "ServerAliveInterval": "5", **self._own})

    @property
    def _target(self) -> list[str]:
        port = ["-p", str(self.port)] if self.port else []
        return [*port, f"{self.user}@{self.address}" if self.user else self.address]

    @property
    def _own(self) -> dict[str, str]:
        if not self.jump:
            return self._identity
        # Unlike -J, a command gets the key and the known hosts of the stack too.
        words = ["ssh", *_options(self._identity), "-W", "[%h]:%p", *_destination(self.jump)]
        return {**self._identity, "ProxyCommand": shlex.join(words)}

    @property
    def _identity(self) -> dict[str, str]:
        known = f'~/.ssh/known_hosts ~/.ssh/known_hosts2 "{self.known_hosts}"' if self.known_hosts else ""
        key = f'"{self.key}"' if self.key else ""
        found = {"BatchMode": "yes", "IdentityFile": key, "UserKnownHostsFile": known}
        return {name: value for name, value in {**found, "StrictHostKeyChecking": "yes"}.items() if value}


class Probe(Value):
    """How to see that a process does its job.

    Attributes:
        kind: the protocol: `mongo` (`hello` says writable primary), `mongo-member` (primary or secondary of a set),
            `mongos` (`hello` says router), `dask-scheduler` (its HTTP health page),
            `dask-workers` (the scheduler counts `count` workers whose name begins with `name`),
            `jupyter` (its API answers with the token in `token_file`).
        host: the machine that sees `address`; a worker is looked at by way of its scheduler's.
        deadline: seconds that it may take until ready.
    """

    kind: Literal["mongo", "mongo-member", "mongos", "dask-scheduler", "dask-workers", "jupyter"]
    host: str = ""
    address: str
    port: int
    count: int = 0
    name: str = ""
    token_file: str = ""
    deadline: int = 120


def _options(values: Mapping[str, str]) -> list[str]:
    return [word for name, value in values.items() for word in ("-o", f"{name}={value}")]


def _destination(jump: str) -> list[str]:
    """[USER@]HOST[:PORT] as ssh takes it."""
    host, separator, port = jump.rpartition(":")
    return ["-p", port, host] if separator else [jump]


class RenderedProcess(Value):
    """A process as a host runs it.

    Attributes:
        home: the stack's folder on the host: launcher, log and secrets live in it.
        order: rank of its kind in the order of starting; stopping goes the other way.
        environment: names and values without secrets.
        env_files: files with further environment, secrets included, readable by their owner only.
        reads: all secret files that it reads.
        writes: the folders that it works in.
        memory, cpus: what it is granted in bytes and cores, where the runtime can limit it; 0 is no limit.
        container: its container's name; empty for a native process.
        path: folders that lead PATH.
        ports: the ports that it must find free, by address.
        stop_grace: seconds between the stop signal and SIGKILL.
    """

    schema_: Literal[1] = Field(default=1, alias="schema")
    name: str
    role: str
    host: str
    home: str
    order: int
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    env_files: tuple[str, ...]
    path: tuple[str, ...]
    directory: str
    address: str
    ports: tuple[int, ...]
    stop_signal: Literal["TERM", "INT"]
    stop_grace: int
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    memory: int
    cpus: int
    container: str = ""
    probe: Probe

    def dump(self) -> dict[str, object]:
        """As Pulumi inputs."""
        return self.model_dump(mode="json", by_alias=True)

    def digest(self, *more: str) -> str:
        """A short name of exactly this process, with whatever else (digests of its secrets) it depends on."""
        text = json.dumps([self.dump(), *more], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


class RenderedContainer(Value):
    """What Docker is asked for: a process in a container.

    Attributes:
        entrypoint: reads the files with its environment, then becomes the command.
        network: of its own; empty for the host's.
        binds: folders and files of the host, at the same path inside; the flag says read-only.
        ports: published on the address of the process, with the same number inside; on the host's network it listens
            on them itself.
        memory: limit in MiB; 0 is no limit.
        cpus: limit in cores; 0 is no limit.
        health: a command that fails when the process does not answer; for `docker ps`.
    """

    name: str
    hostname: str
    network: str
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    environment: Mapping[str, str]
    directory: str
    binds: tuple[tuple[str, bool], ...]
    address: str
    ports: tuple[int, ...]
    memory: int
    cpus: int
    health: tuple[str, ...]
    stop_signal: str
    stop_grace: int


class Home:
    """The layout of a stack's folder on a host, the same under every runtime."""

    def __init__(self, root: str) -> None:
        self.root = PurePosixPath(root)
        self.database = self.root / "db"
        self.config_data = self.root / "data_config"
        self.log = self.root / "log"
        self.scratch = self.root / "scratch"
        self.run = self.root / "run"
        self.secrets = self.root / "secrets"
        self.key_file = self.secrets / "keyfile"
        self.client_env = self.secrets / "client.env"
        self.jupyter_token = self.secrets / "jupyter-token"
        self.jupyter_config = self.secrets / "jupyter_server_config.json"
        self.certificates = self.secrets / "ca.pem"
        self.certificate = self.secrets / "dask.pem"

    def shard_data(self, key: str) -> PurePosixPath:
        """The folder of a shard's member: named as MsPASS's own script names it, one member of a shard per host."""
        return self.root / f"data_shard_{key}"

    def log_of(self, process: str) -> PurePosixPath:
        return self.log / f"{process}.log"
