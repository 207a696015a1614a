"""What a user may say, section by section: single values are checked here, what must fit together in `rules`."""

from itertools import count
from typing import Annotated, Any, Literal, cast

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from mspass_stack.config.batch import Batch
from mspass_stack.config.durations import Duration
from mspass_stack.config.gpus import GpusOrCount
from mspass_stack.config.hosts import Host, HostList, Hosts, by_host
from mspass_stack.config.model import Cache, Memory, Model, Name, Port, Text, like, refuse
from mspass_stack.config.slurm import IMAGE_SCHEME, RUNTIME, Slurm, node_names
from mspass_stack.config.stage import Stage

KEY = "mspass:cluster"
"""The config key of the cluster; every error begins with it."""

IMAGE = "ghcr.io/mspass-team/mspass:v2.4.3"

NAMESPACE = r"^[^.$\s/\\]+\.[^$\s]+$"
Namespace = Annotated[str, like(NAMESPACE, "DATABASE.COLLECTION")]
Field_ = Annotated[str, like(r"^[^$\s]+$", "the name of a field, without blank and $")]


ByHostPort = Annotated[dict[Name, Port], BeforeValidator(by_host, json_schema_input_type=dict[HostList, Port])]


def _form(value: object) -> str:
    return "[by host]" if isinstance(value, dict) else "[port]"


PortOrByHost = Annotated[Annotated[Port, Tag("[port]")] | Annotated[ByHostPort, Tag("[by host]")], Discriminator(_form)]
"""A port on all hosts, or one for each. Tags in brackets are no part of a YAML path."""


class Database(Model):
    """MongoDB: one server (`db`), or a sharded cluster (`router` and `shards`)."""

    db: Name | None = Field(default=None, description="host of the single server, in place of `router` and `shards`")
    router: Hosts = Field(default=(), description="hosts with a mongos; clients are given the first")
    config: Hosts = Field(default=(), description="hosts of the config servers; by default the first router's host")
    shards: dict[Name, Hosts] = Field(default={}, description="hosts of each shard's members")
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
    storage: Literal["shared", "local"] = Field(
        default="shared",
        description="of a Slurm job: `shared` keeps the data in `datadir`; `local` on the nodes' own disks, with "
        "versions in `datadir` that an ordered stop makes",
    )
    checkpoint: Duration | None = Field(
        default=None,
        description="with `storage: local`, how often a version is made while the job runs, at least 1m: all writes "
        "wait meanwhile; none by default",
    )
    cache: Cache | None = Field(
        default=None,
        description="WiredTiger's cache of each mongod, at least 256MiB; by default about half of its host's memory, "
        "which those on a node of a job share",
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
    """The workers of one host: processes of Dask, or what Spark's worker offers."""

    processes: Annotated[int, Field(ge=1, le=1024)] | None = Field(
        default=None, description="worker processes, or cores that Spark has; by default one per core"
    )
    threads: Annotated[int, Field(ge=1, le=1024)] = Field(
        default=1, description="threads of each of Dask's worker processes"
    )
    memory: Memory | None = Field(
        default=None,
        description=(
            "limit of each worker process, or what Spark's worker has for executors, at least 128MiB; by default none, "
            "of Spark an executor's for each core, on Slurm a share of its node's"
        ),
    )
    gpus: GpusOrCount | None = Field(
        default=None, description="accelerators that the workers have together; or their number"
    )


class Spark(Model):
    """What is Spark's own in a pool."""

    worker_port: Port = Field(default=7078, alias="workerPort", description="port of the worker on each host")
    worker_dashboard: Port = Field(default=8081, alias="workerDashboard", description="port of its pages there")
    cores_per_application: Annotated[int, Field(ge=1, le=65536)] | None = Field(
        default=None,
        alias="coresPerApplication",
        description="cores that an application takes until it stops; by default all, so that a second one waits",
    )
    executor_memory: Memory = Field(
        default=512 * 1024**2, alias="executorMemory", description="memory of each executor, at least 128MiB"
    )
    connector: bool = Field(
        default=False, strict=True, description="MongoDB's connector for DataFrames, in the configuration of clients"
    )
    jars: Text | None = Field(
        default=None,
        description="directory of the control node with the connector's jars; by default those that were fetched",
    )


class Pool(Model):
    """The parallel scheduler and its workers, by host."""

    scheduler: Literal["dask", "spark"] = Field(default="dask", description="the kind of scheduler")
    host: Name = Field(description="host of the scheduler, which is Spark's master")
    port: Port = Field(default=8786, description="port of the scheduler; of Spark by default 7077")
    dashboard: Port = Field(default=8787, description="port of its pages; of Spark by default 8080")
    spark: Spark | None = Field(default=None, description="what is Spark's own; only with `scheduler: spark`")
    workers: Annotated[
        dict[Name, Workers],
        Field(min_length=1, description="workers of each host"),
        BeforeValidator(by_host, json_schema_input_type=Annotated[dict[HostList, Workers], Field(min_length=1)]),
    ]

    @model_validator(mode="before")
    @classmethod
    def _of_spark(cls, value: object) -> object:
        """Fill in what is another default under Spark."""
        if not isinstance(value, dict):
            return value
        pool = cast("dict[str, Any]", value)
        if pool.get("scheduler") != "spark":
            if pool.get("spark") is not None:
                refuse([(("spark",), "expected scheduler: spark beside it")])
            return pool
        return {"port": 7077, "dashboard": 8080, **pool, "spark": pool.get("spark") or {}}


class Frontend(Model):
    """JupyterLab."""

    host: Name = Field(description="host of Jupyter")
    port: Port = Field(default=8888, description="port of Jupyter")
    expose: Literal["tls"] | None = Field(
        default=None,
        description="`tls` serves it by HTTPS on its host's address, with a certificate of the stack; by default it is "
        "on the loopback interface of its host alone",
    )


def _either_gives_the_hosts(schema: dict[str, Any]) -> None:
    schema.pop("required")
    schema["oneOf"] = [{"required": ["hosts"]}, {"required": ["slurm"]}]


class Cluster(Model):
    """A MsPASS cluster: which role runs on which host, and under what."""

    model_config = ConfigDict(json_schema_extra=_either_gives_the_hosts)

    runtime: Name = Field(default="native", description="how processes are packaged; on Slurm by default `apptainer`")
    image: str = Field(
        default=IMAGE,
        description="image of all containers; a tag is resolved once and pinned by its digest; for `apptainer` the "
        "path of a .sif file or an unpacked image, or what one is built from: `docker://IMAGE`, `oras://IMAGE`, "
        "`docker-archive:/PATH`, `oci-archive:/PATH`",
    )
    workdir: Text = Field(
        default="./work",
        description="notebooks and waveforms: Jupyter's root and the workers' directory; in a lab an absolute path, "
        "the same on all hosts, best a shared directory; on Slurm an absolute path on the shared file system",
    )
    datadir: Text | None = Field(
        default=None,
        description="database, logs and secrets; by default `./data/STACK`; in a lab required: an absolute path, the "
        "same on all hosts, on each host's own disk; on Slurm required: an absolute path on the shared file system",
    )
    python: Text | None = Field(
        default=None,
        description="the Python with dask and jupyterlab, say of your conda environment; by default the project's own",
    )
    encryption: bool = Field(
        default=True,
        strict=True,
        description="TLS for what leaves a lab's hosts or a job's nodes; nothing leaves a desktop",
    )
    hosts: Annotated[
        dict[Name, Host],
        Field(min_length=1, description="the machines of the cluster; required without `slurm`, which gives them"),
        BeforeValidator(by_host, json_schema_input_type=Annotated[dict[HostList, Host], Field(min_length=1)]),
    ]
    slurm: Slurm | None = Field(default=None, description="a Slurm allocation, whose nodes are the hosts")
    database: Database | None = Field(default=None, description="MongoDB; by default none")
    pool: Pool | None = Field(default=None, description="Dask's scheduler and workers; by default none")
    frontend: Frontend | None = Field(default=None, description="JupyterLab; by default none")
    stage: Stage | None = Field(
        default=None, description="directories brought to the hosts of workers, and results back; by default none"
    )
    batch: Batch | None = Field(
        default=None, description="what a job runs by itself, only with `slurm`; by default none"
    )

    @model_validator(mode="before")
    @classmethod
    def _on_slurm(cls, value: object) -> object:
        """Fill in what an allocation gives: its nodes as the hosts, and the runtime that there is on nodes."""
        if not isinstance(value, dict):
            return value
        cluster = cast("dict[str, Any]", value)
        if (slurm := cluster.get("slurm")) is None:
            if "slurm" in cluster and "hosts" not in cluster:
                refuse([(("slurm",), "empty: expected nodes and time")])
            return cluster
        if "hosts" in cluster:
            refuse([(("hosts",), "Slurm gives the hosts: expected none beside slurm")])
        hosts: dict[str, Any] = {host: {} for host in node_names(slurm)}
        return {"runtime": RUNTIME, "image": f"{IMAGE_SCHEME}{IMAGE}", **cluster, "hosts": hosts}
