"""What a user may say about a cluster: the model of the config key `mspass:cluster`."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

KEY = "mspass:cluster"
"""The config key of the cluster; every error begins with it."""

FLAT_KEYS = frozenset({"cluster", "jupyterPassword"})
"""The keys of namespace `mspass`. Secrets are flat keys: Pulumi encrypts whole values, never a part of an object."""

UNITS = {"": 1, "B": 1} | {
    prefix + unit: base**power
    for power, prefix in enumerate(("k", "M", "G", "T"), start=1)
    for unit, base in (("B", 1000), ("iB", 1024))
}


class ConfigError(Exception):
    """A config that cannot be deployed: one line per problem, each with its YAML path."""


def bytes_of(value: object) -> object:
    """Read a size such as `8GiB` or `500MB` as bytes; a plain number is bytes already."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(\w*)", value.strip())
    units = {unit.lower(): factor for unit, factor in UNITS.items()}
    if match is None or match[2].lower() not in units:
        raise ValueError("expected a size such as 8GiB or 500MB")
    return int(float(match[1]) * units[match[2].lower()])


Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
Port = Annotated[int, Field(ge=1024, le=65535)]
Cache = Annotated[int, BeforeValidator(bytes_of, json_schema_input_type=int | str), Field(ge=256 * 1024**2)]
Memory = Annotated[int, BeforeValidator(bytes_of, json_schema_input_type=int | str), Field(ge=128 * 1024**2)]
Text = Annotated[str, StringConstraints(min_length=1)]
Runtime = Literal["docker", "apptainer", "native"]


class Model(BaseModel):
    """Frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Ssh(Model):
    """How a host is reached when it is not this machine."""

    user: str | None = None
    port: Annotated[int, Field(ge=1, le=65535)] = 22


class Host(Model):
    """A machine of the cluster."""

    address: str = "127.0.0.1"
    ssh: Ssh | None = None
    runtime: Runtime | None = None


class Database(Model):
    """MongoDB: one server (`db`), or a sharded cluster (`router` and `shards`)."""

    db: Name | None = None
    router: tuple[Name, ...] = ()
    shards: dict[Name, tuple[Name, ...]] = {}
    collections: dict[str, str] = {}
    port: Port = 27017
    cache: Cache | None = Field(
        default=None, description="WiredTiger's cache of each mongod, at least 256MiB; MongoDB's own rule without"
    )


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


class Cluster(Model):
    """A MsPASS cluster: which role runs on which host, and under what."""

    runtime: Runtime = "native"
    image: str = "ghcr.io/mspass-team/mspass:v2.4.3"
    workdir: Text = Field(
        default="./work", description="notebooks and waveforms; Jupyter's root and the workers' directory"
    )
    datadir: Text | None = Field(default=None, description="database, logs, secrets; ./data/STACK without")
    python: Text | None = Field(
        default=None, description="the Python that has dask and jupyterlab; the project's own without"
    )
    hosts: Annotated[dict[Name, Host], Field(min_length=1)]
    database: Database | None = None
    pool: Pool | None = None
    frontend: Frontend | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "Cluster":
        found = [*_unknown_hosts(self), *_database_shape(self), *_ports_twice(self)]
        if not (self.database or self.pool or self.frontend):
            found.append(f"{KEY}: nothing to deploy: expected at least one of database, pool, frontend")
        if found:
            raise PydanticCustomError("cluster", "{lines}", {"lines": "\n".join(found)})
        return self

    @classmethod
    def read(cls, value: object) -> "Cluster":
        """Check the value of `mspass:cluster`.

        Raises:
            ConfigError: one line per problem, each with its YAML path, the value and what was expected.
        """
        if value is None:
            raise ConfigError(f"{KEY}: missing: expected the cluster, as README.md describes it")
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            raise ConfigError("\n".join(_line(dict(problem)) for problem in error.errors())) from None


def check_keys(keys: set[str]) -> None:
    """Refuse unknown keys of namespace `mspass`: a misspelt secret would silently do nothing."""
    if unknown := sorted(keys - FLAT_KEYS):
        raise ConfigError(
            "\n".join(f"mspass:{key}: unknown key (known: {', '.join(sorted(FLAT_KEYS))})" for key in unknown)
        )


def placements(cluster: Cluster) -> Iterator[tuple[str, str]]:
    """Every place where the config names a host: its YAML path below the key, and the host."""
    if database := cluster.database:
        if database.db:
            yield "database.db", database.db
        for index, host in enumerate(database.router):
            yield f"database.router[{index}]", host
        for key, members in database.shards.items():
            for index, host in enumerate(members):
                yield f"database.shards.{key}[{index}]", host
    if pool := cluster.pool:
        yield "pool.host", pool.host
        for host in pool.workers:
            yield f"pool.workers.{host}", host
    if frontend := cluster.frontend:
        yield "frontend.host", frontend.host


def ports(cluster: Cluster) -> Iterator[tuple[str, str, int]]:
    """Every port that the config fixes: its YAML path, the host and the port."""
    if database := cluster.database:
        for host in (*database.router, *([database.db] if database.db else [])):
            yield "database.port", host, database.port
    if pool := cluster.pool:
        yield "pool.port", pool.host, pool.port
        yield "pool.dashboard", pool.host, pool.dashboard
    if frontend := cluster.frontend:
        yield "frontend.port", frontend.host, frontend.port


def _unknown_hosts(cluster: Cluster) -> Iterator[str]:
    known = ", ".join(cluster.hosts)
    for path, host in placements(cluster):
        if host not in cluster.hosts:
            yield f"{KEY}.{path}: unknown host '{host}' (hosts: {known})"


def _database_shape(cluster: Cluster) -> Iterator[str]:
    if (database := cluster.database) is None:
        return
    sharded = bool(database.router or database.shards)
    if database.db and sharded:
        yield f"{KEY}.database: expected either db, or router and shards, not both"
    elif not database.db and not (database.router and database.shards):
        yield f"{KEY}.database: expected db: HOST, or both router and shards"
    for key, members in database.shards.items():
        if not members:
            yield f"{KEY}.database.shards.{key}: expected at least one host"
    if database.collections and not sharded:
        yield f"{KEY}.database.collections: only a sharded database has shard keys"


def _ports_twice(cluster: Cluster) -> Iterator[str]:
    seen = Counter((host, port) for _, host, port in ports(cluster))
    for (host, port), times in seen.items():
        if times > 1:
            where = " and ".join(dict.fromkeys(path for path, h, p in ports(cluster) if (h, p) == (host, port)))
            yield f"{KEY}: port {port} twice on host '{host}': {where}"


def _line(problem: dict[str, Any]) -> str:
    if problem["type"] == "cluster":
        return str(problem["msg"])
    path = KEY
    for part in problem["loc"]:
        if part != "[key]":
            path += f"[{part}]" if isinstance(part, int) else f".{part}"
    if problem["type"] == "extra_forbidden":
        return f"{path}: unknown key"
    if problem["type"] == "missing":
        return f"{path}: required"
    if problem["type"] in ("model_type", "dict_type"):
        return f"{path}: {problem['input']!r}: expected a mapping of keys and values"
    if problem["type"] == "greater_than_equal" and problem["ctx"]["ge"] >= 1024**2:
        return f"{path}: {problem['input']!r}: expected at least {problem['ctx']['ge'] // 1024**2}MiB"
    message = str(problem["msg"]).removeprefix("Value error, ")
    return f"{path}: {problem['input']!r}: {message[0].lower()}{message[1:]}"
