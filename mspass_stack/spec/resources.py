"""The inputs of each resource of the plugin: the contract between what declares it and what makes it true."""

from typing import Any

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from mspass_stack.spec.binary import Binary
from mspass_stack.spec.connection import ConnectionSpec
from mspass_stack.spec.job import JobSpec
from mspass_stack.spec.probe import Probe
from mspass_stack.spec.process import ProcessSpec
from mspass_stack.spec.stage import StageSpec
from mspass_stack.spec.value import Value

HERE, OWN_PYTHON = "{address}", "{python}"
"""What stands for this machine's address, and for its interpreter, until it is known."""


def described(description: str, default: Any = ..., **marks: bool) -> Any:
    return Field(default, description=description, json_schema_extra=dict(marks))


def secret(description: str, default: Any = ...) -> Any:
    """Describe an input that is encrypted in the state."""
    return described(description, default, secret=True)


def unseen(description: str, default: Any = ...) -> Any:
    """Describe an input that is in no diff: the state has the newest, and a new one changes nothing there."""
    return described(description, default, unseen=True)


def authority() -> Any:
    """Describe by which certificate servers are trusted."""
    return described("certificate of who signs those of MongoDB's servers, PEM; empty where they speak no TLS", "")


class Inputs(Value):
    """Inputs of a resource, by camelCase names on the wire."""

    model_config = ConfigDict(alias_generator=to_camel)

    @classmethod
    def marked(cls, mark: str) -> frozenset[str]:
        """Return the inputs with a mark, by their names on the wire."""
        fields = cls.model_fields.values()
        return frozenset(
            str(field.alias)
            for field in fields
            if isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get(mark)
        )


class OfStack(Inputs):
    """What belongs to a stack."""

    stack: str = Field(description="the name of the Pulumi stack")
    stack_id: str = Field(description="the random id by which the stack knows what is its own")


class RandomInputs(Inputs):
    """A value that is made once and lives in the state."""

    form: str = Field(description="keyfile, password, token or id")


class DeclaredPort(Inputs):
    """A port that a process will listen on."""

    path: str = Field(description="where the config says it")
    process: str = Field(description="whose it is")


class HostRequirements(Inputs):
    """What a host must be and have."""

    stack_dir: str = Field(description="the stack's directory")
    workdir: str = Field(description="the user's directory; empty where nobody works in it")
    runtime: str = Field(description="how its processes are packaged")
    image: str = Field(description="what its containers are made of; empty where it has none")
    image_file: str = Field(default="", description="what they are made of where no engine keeps them up")
    address: str = Field(description="by which everybody knows it")
    peers: list[str] = Field(description="addresses of the other hosts, which it must resolve")
    ports: dict[str, DeclaredPort] = Field(description="ports that must be free")
    processes: list[str] = Field(description="names of its processes")
    memory: dict[str, int] = Field(description="bytes that the config grants, by YAML path")
    programs: list[str] = Field(description="that must run; in the image where it has one")
    python: str = Field(description="the interpreter of its roles; empty where none needs one")
    modules: list[str] = Field(description="that the interpreter must have, and `java` for Spark")
    versions: list[str] = Field(description="distributions that must be of one release on all such hosts")
    gpus: dict[str, str] = Field(default={}, description="kind of the accelerators of its workers, by YAML path")
    mongodb: bool = Field(description="whether a mongod runs on its processor")
    stage: StageSpec | None = Field(default=None, description="what is brought to its workers, and back")


class PreflightInputs(OfStack):
    """Everything that would make a start fail."""

    hosts: dict[str, HostRequirements] = Field(description="what each host must be and have")
    connections: dict[str, ConnectionSpec] = unseen("how each host is reached")
    shards: dict[str, dict[str, int]] = Field(description="port of each member by host, by replica set")
    documents: dict[str, str] = Field(description="where they are: host and address of the one server, or shards")
    encrypted: list[str] = Field(default=[], description="the protocols that speak TLS")
    abandoned: list[str] = Field(description="hosts that will not come back")
    job: JobSpec | None = Field(default=None, description="the Slurm job that gives the hosts, where one does")


class HostFilesInputs(OfStack):
    """The directories of a stack on a host, and the files with its secrets."""

    host: str = Field(description="the host's key in the config")
    connection: ConnectionSpec = unseen("how the host is reached")
    stack_dir: str = Field(description="the stack's directory there")
    directories: list[str] = Field(description="that must be there")
    files: dict[str, str] = secret("content by path, for the owner only")
    binaries: dict[str, Binary] = Field(default={}, description="files that are no texts and no secrets, by path")
    reloaded: list[str] = Field(default=[], description="files whose readers read them anew when they are told to")
    tls_mode: str = Field(default="", description="path of the file with MongoDB's mode of TLS, where it speaks that")
    digest_key: str = secret("what the digests of the files are keyed with")


class GuestSpec(Inputs):
    """Clients on the control node, to which hosts connect back."""

    host: str = Field(description="one of those hosts")
    releases: dict[str, str] = Field(description="of its Python and of the distributions that must be the same here")
    modules: list[str] = Field(description="that the Python here must have")
    environment: dict[str, str] = Field(description="what they have in it where all of that holds")
    remark: str = Field(description="for who reads the env file where it does not")


class ClientProfileInputs(OfStack):
    """The user's own files on the control node, by which clients there find the cluster."""

    path: str = Field(description="of the env file")
    files: dict[str, str] = secret("content by path: the env file, and the certificates that it names")
    authority_path: str = Field(default="", description="where the hosts have the certificate of who signs")
    authority: str = Field(default="", description="that certificate, to be there on the control node too")
    alone_path: str = Field(default="", description="where it is on the control node in any case")
    alone: str = secret("content of the env file that names this path", "")
    guest: GuestSpec | None = described("clients to which hosts connect back, where this machine is none", None)
    guest_connection: ConnectionSpec | None = unseen("how the first of those hosts is reached", None)
    guest_files: dict[str, str] = secret("content by path of what those clients read", {})


class DrainSpec(Inputs):
    """What is run in the place of another process before one is stopped."""

    manager: str = Field(description="who keeps the other up")
    process: str = Field(description="its name there")
    stack_dir: str = Field(description="the stack's directory there")
    python: str = Field(description="the interpreter there")
    program: str = Field(description="a file of mspass_stack.agent")
    words: list[str] = Field(description="its arguments")


class HostProcessInputs(OfStack):
    """A process that runs on a host as declared."""

    connection: ConnectionSpec = unseen("how its host is reached")
    process: ProcessSpec = Field(description="what is executed")
    digest: str = Field(description="of what a restart is for")


class ContainerImageInputs(OfStack):
    """The image of a stack's containers on a host."""

    host: str = Field(description="the host's key in the config")
    connection: ConnectionSpec = unseen("how the host is reached")
    manager: str = Field(default="docker-engine", description="who keeps its containers up")
    image: str = Field(description="name with tag or digest, or a path")
    programs: list[str] = Field(description="that must run in it")
    python: str = Field(description="the interpreter in it; empty where no role needs one")
    modules: list[str] = Field(description="that the interpreter must have, and `java` for Spark")
    distributions: list[str] = Field(description="whose release is of interest")
    stack_dir: str = Field(description="the stack's directory on the host")


class VersionMatchInputs(Inputs):
    """The versions that must be equal on all hosts."""

    stack: str = Field(description="the name of the Pulumi stack")
    hosts: dict[str, dict[str, str]] = Field(description="release by distribution, and of Python, by host")


class AddressRepairInputs(OfStack):
    """What kept data say of their peers' addresses."""

    connection: ConnectionSpec = unseen("how the host is reached")
    manager: str = Field(description="who keeps the member up")
    process: str = Field(description="the member's name there")
    host: str = Field(description="the host's key in the config")
    stack_dir: str = Field(description="the stack's directory on the host")
    image: str = Field(description="pinned, where the member is a container")
    user: str = Field(description="uid:gid of the stack's files there")
    python: str = Field(description="an interpreter with pymongo, there or in the image")
    data: str = Field(description="the directory of the data")
    key_file: str = Field(description="the path of the key file there")
    replica_set: str = Field(description="the member's set")
    addresses: dict[str, str] = Field(description="of peers, by the name under which the data keep them")


class ReadyInputs(OfStack):
    """A process that does its job, by its probe."""

    connection: ConnectionSpec = unseen("how its host is reached")
    probe_connection: ConnectionSpec = unseen("how the host is reached that sees its probe")
    process: ProcessSpec = Field(description="what is probed")
    incarnations: list[str] = Field(description="its own, and of those whose restart unsettles it")
    authority: str = authority()
    drain: DrainSpec | None = Field(default=None, description="what is done before it is stopped")
    drain_connection: ConnectionSpec | None = unseen("how the host is reached where that is done", None)


class DatabaseUser(Inputs):
    """A user of the database."""

    password: str = secret("by which clients log in")
    roles: list[str] = Field(description="MongoDB's own names")


class MongoPlace(Inputs):
    """Where a server of MongoDB is."""

    address: str = Field(description="as its peers know it")
    port: int = Field(description="that it listens on")
    stack_dir: str = Field(description="the stack's directory on its host")


class TurnInputs(OfStack):
    """What goes before the restart of a process, so that its work does not stand still."""

    connection: ConnectionSpec = unseen("how its host is reached")
    process: str = Field(description="its name")
    manager: str = Field(description="who keeps it up")
    managed_name: str = Field(description="its name there")
    stack_dir: str = Field(description="the stack's directory on its host")
    digest: str = Field(description="of what a restart is for: another one means that it is restarted")
    meanwhile: list[Probe] = Field(description="what must hold while it is away")
    connections: dict[str, ConnectionSpec] = unseen("how the other hosts are reached, by host")
    halts: str = Field(description="what nobody does meanwhile; empty where the work goes on")
    interrupt: bool = Field(description="whether the work may stand still")
    drain: DrainSpec | None = Field(default=None, description="what is done before")
    drain_connection: ConnectionSpec | None = unseen("how the host is reached where that is done", None)
    host: str = Field(description="the host's key in the config")
    replica_set: str = Field(description="the set that it is a member of, or nothing")
    members: dict[str, MongoPlace] = Field(description="of the set, by host")
    config: dict[str, MongoPlace] = Field(default={}, description="the config servers whose balancer rests, by host")
    authority: str = authority()
    key_file: str = secret("content of the key file; empty for a member of no set")


class DatabaseUsersInputs(Inputs):
    """The users of an unsharded database."""

    stack: str = Field(description="the name of the Pulumi stack")
    connection: ConnectionSpec = unseen("how its host is reached")
    address: str = Field(description="of the server")
    port: int = Field(description="of the server")
    stack_dir: str = Field(description="the stack's directory on its host")
    authority: str = authority()
    key_file: str = secret("content of the key file")
    users: dict[str, DatabaseUser] = secret("by name")
    incarnation: str = Field(description="of the server")


class ShardedClusterInputs(Inputs):
    """Replica sets, shards, sharded collections and users."""

    stack: str = Field(description="the name of the Pulumi stack")
    connections: dict[str, ConnectionSpec] = unseen("how each host is reached")
    config: dict[str, MongoPlace] = Field(description="the config servers by host")
    shards: dict[str, dict[str, MongoPlace]] = Field(description="the members by host, by shard")
    routers: dict[str, MongoPlace] = Field(description="by host")
    collections: dict[str, str] = Field(description="hashed shard key by namespace")
    authority: str = authority()
    users: dict[str, DatabaseUser] = secret("by name")
    key_file: str = secret("content of the key file")
    incarnations: list[str] = Field(description="of its processes")
    abandoned: list[str] = Field(description="hosts that are given up")


class ServerPlace(MongoPlace):
    """A server of MongoDB that speaks TLS."""

    host: str = Field(description="its host's key in the config")
    replica_set: str = Field(description="the set that it is a member of, or nothing")
    tls_mode: str = Field(description="path of the file with the mode by which it starts")


class EncryptionInputs(Inputs):
    """How the servers of a database speak TLS."""

    stack: str = Field(description="the name of the Pulumi stack")
    connections: dict[str, ConnectionSpec] = unseen("how each host is reached")
    servers: dict[str, ServerPlace] = Field(description="all of the database, by name")
    certificates: dict[str, str] = Field(description="digest of the certificate that they are to show, by host")
    authority: str = Field(description="certificate of who signs them, PEM")
    key_file: str = secret("content of the key file")
