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
    """How a host is reached when it is not this machine; what is left out is SSH's own choice (~/.ssh/config)."""

    user: Text | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    key: Text | None = Field(default=None, description="private key file; the agent's and SSH's usual ones without")
    known_hosts: Text | None = Field(default=None, description="a file of host keys beside SSH's usual ones")
    jump: Annotated[str, StringConstraints(pattern=r"^(\S+@)?[^@\s:]+(:\d+)?$")] | None = Field(
        default=None, description="[USER@]HOST[:PORT] to go through"
    )


class Host(Model):
    """A machine of the cluster."""

    address: Text = Field(default=LOOPBACK, description="by which the other hosts reach it: an IP address or a name")
    ssh: Ssh | None = Field(default=None, description="how it is reached; without it is this machine")
    runtime: Name | None = Field(default=None, description="how its processes are packaged; the cluster's without")
    python: Text | None = Field(
        default=None, description="its Python that has dask and jupyterlab; programs are searched beside it first"
    )


class Database(Model):
    """MongoDB: one server (`db`), or a sharded cluster (`router` and `shards`)."""

    db: Name | None = None
    router: tuple[Name, ...] = Field(default=(), description="hosts with a mongos; clients are pointed at the first")
    config: tuple[Name, ...] = Field(
        default=(), description="hosts of the config server set; the first router's without"
    )
    shards: dict[Name, tuple[Name, ...]] = Field(
        default={}, description="the hosts of each shard's members, by its name"
    )
    collections: dict[Namespace, Field_] = Field(
        default={}, description="hashed shard key of each sharded collection, as in mspass.arrival: _id"
    )
    port: Port = Field(default=27017, description="of db and routers; config servers and shards count on from it")
    ports: dict[Name, PortOrByHost] = Field(
        default={},
        description="the port of a shard, or of config, in place of the one it counts to: on all its hosts, or by host",
    )
    cache: Cache | None = Field(
        default=None, description="WiredTiger's cache of each mongod, at least 256MiB; MongoDB's own rule without"
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

    processes: Annotated[int, Field(ge=1, le=1024)] | None = Field(default=None, description="one per core without")
    threads: Annotated[int, Field(ge=1, le=1024)] = 1
    memory: Memory | None = Field(default=None, description="of each worker process, at least 128MiB; no limit without")


class Pool(Model):
    """The parallel scheduler and its workers, by host."""

    scheduler: Literal["dask"] = "dask"
    host: Name
    port: Port = 8786
    dashboard: Port = 8787
    workers: Annotated[dict[Name, Workers], Field(min_length=1)]


class Frontend(Model):
    """JupyterLab."""

    host: Name
    port: Port = 8888
    expose: Literal["tls"] | None = Field(
        default=None,
        description="tls: on its host's address by HTTPS with a certificate of the stack; without, the host's alone",
    )


class Cluster(Model):
    """A MsPASS cluster: which role runs on which host, and under what."""

    runtime: Name = Field(default="native", description="how processes are packaged: native or docker")
    image: str = "ghcr.io/mspass-team/mspass:v2.4.3"
    workdir: Text = Field(
        default="./work", description="notebooks and waveforms; Jupyter's root and the workers' directory"
    )
    datadir: Text | None = Field(default=None, description="database, logs, secrets; ./data/STACK without")
    python: Text | None = Field(
        default=None, description="the Python that has dask and jupyterlab; the project's own without"
    )
    encryption: bool = Field(
        default=True, strict=True, description="of what leaves a lab's hosts; a desktop's words never leave it"
    )
    hosts: Annotated[dict[Name, Host], Field(min_length=1)]
    database: Database | None = None
    pool: Pool | None = None
    frontend: Frontend | None = None
