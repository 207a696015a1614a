"""The contract between what declares a process and what runs it: a versioned value, stored in Pulumi's state.

The components render it, the provider executes it. An upgrade of the library that renders differently shows up in the
preview as a change of this value, and a state written by an old version stays readable by its `schema`.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Value(BaseModel):
    """A frozen value; unknown keys are refused, so that a newer schema is never half understood."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Probe(Value):
    """How to see that a process does its job.

    Attributes:
        kind: the protocol: `mongo` (`hello` says writable primary), `dask-scheduler` (its HTTP health page),
            `dask-workers` (the scheduler counts `count` workers whose name begins with `name`),
            `jupyter` (its API answers with the token in `token_file`).
        deadline: seconds that it may take until ready.
    """

    kind: Literal["mongo", "dask-scheduler", "dask-workers", "jupyter"]
    address: str
    port: int
    count: int = 0
    name: str = ""
    token_file: str = ""
    deadline: int = 120


class RenderedProcess(Value):
    """A process as a host runs it.

    Attributes:
        home: the stack's folder on the host: launcher, log and secrets live in it.
        order: rank in the order of starting; stopping goes the other way.
        environment: names and values without secrets.
        env_files: files with further environment, secrets included, readable by their owner only.
        reads: all secret files that it reads.
        writes: the folders that it works in.
        memory, cpus: what it is granted in bytes and cores, where the runtime can limit it; 0 is no limit.
        container: its container's name, and `engine` the address of the Docker engine; empty for a native process.
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
    engine: str = ""
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
        user: uid:gid of the user, so that what it writes is theirs.
        binds: folders and files of the host, at the same path inside; the flag says read-only.
        ports: published on the address of the process, with the same number inside.
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
    user: str
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
        self.log = self.root / "log"
        self.scratch = self.root / "scratch"
        self.run = self.root / "run"
        self.secrets = self.root / "secrets"
        self.key_file = self.secrets / "keyfile"
        self.client_env = self.secrets / "client.env"
        self.jupyter_token = self.secrets / "jupyter-token"
        self.jupyter_config = self.secrets / "jupyter_server_config.json"

    def log_of(self, process: str) -> PurePosixPath:
        return self.log / f"{process}.log"
