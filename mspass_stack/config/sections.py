"""What a user may say, section by section: single values are checked here, what must fit together in `rules`."""

from itertools import count
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from mspass_stack.config.sizes import bytes_of

KEY = "mspass:cluster"
"""The config key of the cluster; every error begins with it."""

LOOPBACK = "127.0.0.1"

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
Port = Annotated[int, Field(ge=1024, le=65535)]
Cache = Annotated[int, BeforeValidator(bytes_of, json_schema_input_type=int | str), Field(ge=256 * 1024**2)]
Memory = Annotated[int, BeforeValidator(bytes_of, json_schema_input_type=int | str), Field(ge=128 * 1024**2)]
Text = Annotated[str, StringConstraints(min_length=1)]
Namespace = Annotated[str, StringConstraints(pattern=r"^[^.$\s/\\]+\.[^$\s]+$")]
Field_ = Annotated[str, StringConstraints(pattern=r"^[^$\s]+$")]


def _form(value: object) -> str:
    return "[by host]" if isinstance(value, dict) else "[port]"


PortOrByHost = Annotated[
    Annotated[Port, Tag("[port]")] | Annotated[dict[Name, Port], Tag("[by host]")], Discriminator(_form)
]
"""A port on all hosts, or one for each. Tags in brackets are no part of a YAML path."""


class Model(BaseModel):
    """Frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _no_boolean(cls, value: object, info: ValidationInfo) -> object:
        """Refuse a boolean where something else is expected: Python counts True as 1."""
        if isinstance(value, bool) and cls.model_fields[str(info.field_name)].annotation is not bool:
            raise PydanticCustomError("boolean", "got a boolean, which yes, no, on and off are to YAML 1.1")
        return value


class Ssh(Model):
    """How a host is reached when it is not this machine; what is left out is SSH's own choice (`~/.ssh/config`)."""

    user: Text | None = Field(default=None, description="the user who logs in")
    port: Annotated[int, Field(ge=1, le=65535)] | None = Field(default=None, description="the port of its SSH server")
    key: Text | None = Field(
        default=None, description="private key file; by default the agent's keys and SSH's usual files"
    )
    known_hosts: Text | None = Field(
        default=None, description="another file of host keys, read beside SSH's usual ones"
    )
    jump: Annotated[str, StringConstraints(pattern=r"^(\S+@)?[^@\s:]+(:\d+)?$")] | None = Field(
        default=None, description="jump host, as `[USER@]HOST[:PORT]`"
    )


class Host(Model):
    """A machine of the cluster."""

    address: Text = Field(default=LOOPBACK, description="IPv4 address or name by which the other hosts reach it")
    ssh: Ssh | None = Field(default=None, description="how it is reached; a host without this key is this machine")
    runtime: Name | None = Field(
        default=None, description="how its processes are packaged; by default as the cluster's"
    )
    python: Text | None = Field(
        default=None,
        description="its Python with dask and jupyterlab; other programs are searched beside it first; by default the "
        "cluster's `python`, else `python3` on the PATH of a login, or of the image",
    )


class Database(Model):
    """MongoDB: one server (`db`), or a sharded cluster (`router` and `shards`)."""

    db: Name | None = Field(default=None, description="host of the single server, in place of `router` and `shards`")
    router: tuple[Name, ...] = Field(default=(), description="hosts with a mongos; clients are given the first")
    config: tuple[Name, ...] = Field(
        default=(), description="hosts of the config servers; by default the first router's host"
    )
    shards: dict[Name, tuple[Name, ...]] = Field(default={}, description="hosts of each shard's members")
    collections: dict[Namespace, Field_] = Field(
        default={}, description="hashed shard key of each sharded collection, as in `mspass.arrival: _id`"
    )
    port: Port = Field(
        default=27017,
        description="port of `db` or of the routers; on each host, config servers and shards take those behind it",
    )
    ports: dict[Name, PortOrByHost] = Field(
        default={},
        description="a port of its own for a shard, or for `config`: one on all its hosts, or one for each",
    )
    cache: Cache | None = Field(
        default=None,
        description="WiredTiger's cache of each mongod, at least 256MiB; by default about half of its host's memory",
    )

    @property
    def config_hosts(self) -> tuple[str, ...]:
        return self.config or self.router[:1]

    def member_ports(self) -> dict[tuple[str, str], int]:
        """Return the port of each member of a set, by set and host (the config server's set is `config`).

        Numbered as in MsPASS's own script: router P, config server P+1; several members on a host count on from there,
        past those with a port of their own.
        """
        members = [("config", host) for host in self.config_hosts]
        members += [(key, host) for key, hosts in self.shards.items() for host in hosts]
        given = {(name, host): port for name, host in members if (port := self._given_port(name, host))}
        taken = {(host, port) for (_, host), port in given.items()}
        ports: dict[tuple[str, str], int] = {}
        for name, host in members:
            free = (port for port in count(self.port + 1) if (host, port) not in taken)
            ports[name, host] = given.get((name, host)) or next(free)
            taken.add((host, ports[name, host]))
        return ports

    def _given_port(self, name: str, host: str) -> int | None:
        given = self.ports.get(name)
        return given.get(host) if isinstance(given, dict) else given


class Workers(Model):
    """The Dask workers of one host."""

    processes: Annotated[int, Field(ge=1, le=1024)] | None = Field(
        default=None, description="worker processes; by default one per core"
    )
    threads: Annotated[int, Field(ge=1, le=1024)] = Field(default=1, description="threads of each worker process")
    memory: Memory | None = Field(
        default=None, description="limit of each worker process, at least 128MiB; by default none"
    )


class Pool(Model):
    """The parallel scheduler and its workers, by host."""

    scheduler: Literal["dask"] = Field(default="dask", description="the kind of scheduler")
    host: Name = Field(description="host of the scheduler")
    port: Port = Field(default=8786, description="port of the scheduler")
    dashboard: Port = Field(default=8787, description="port of Dask's pages")
    workers: Annotated[dict[Name, Workers], Field(min_length=1, description="workers of each host")]


class Frontend(Model):
    """JupyterLab."""

    host: Name = Field(description="host of Jupyter")
    port: Port = Field(default=8888, description="port of Jupyter")
    expose: Literal["tls"] | None = Field(
        default=None,
        description="`tls` serves it by HTTPS on its host's address, with a certificate of the stack; by default it is "
        "on the loopback interface of its host alone",
    )


class Cluster(Model):
    """A MsPASS cluster: which role runs on which host, and under what."""

    runtime: Name = Field(default="native", description="how processes are packaged")
    image: str = Field(
        default="ghcr.io/mspass-team/mspass:v2.4.3",
        description="image of all containers; a tag is resolved once and pinned by its digest",
    )
    workdir: Text = Field(
        default="./work",
        description="notebooks and waveforms: Jupyter's root and the workers' directory; in a lab an absolute path, "
        "the same on all hosts, best a shared directory",
    )
    datadir: Text | None = Field(
        default=None,
        description="database, logs and secrets; by default `./data/STACK`; in a lab required: an absolute path, the "
        "same on all hosts, on each host's own disk",
    )
    python: Text | None = Field(
        default=None,
        description="the Python with dask and jupyterlab, say of your conda environment; by default the project's own",
    )
    encryption: bool = Field(
        default=True, strict=True, description="TLS for what leaves a lab's hosts; nothing leaves a desktop"
    )
    hosts: Annotated[dict[Name, Host], Field(min_length=1, description="the machines of the cluster")]
    database: Database | None = Field(default=None, description="MongoDB; by default none")
    pool: Pool | None = Field(default=None, description="Dask's scheduler and workers; by default none")
    frontend: Frontend | None = Field(default=None, description="JupyterLab; by default none")
