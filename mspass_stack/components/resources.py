"""The plugin's resources as Pulumi sees them; the inputs of each stand in `spec.resources`."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pulumi

from mspass_stack.spec import resources as spec
from mspass_stack.spec.certificates import CertificateAuthorityInputs, CertificateInputs, TrustStoreInputs
from mspass_stack.spec.job_resources import (
    AllocationInputs,
    ApptainerImageInputs,
    BatchInputs,
    NodeProcessesInputs,
    NodesReadyInputs,
    ReverseAccessInputs,
    SlurmJobInputs,
)
from mspass_stack.spec.stage_resources import StagedInputs
from mspass_stack.spec.value import Value

PACKAGE = "mspassnode"
"""Not the project's name: the engine hands all config of a namespace, secrets too, to the package of that name."""


class Resource(pulumi.CustomResource):
    """A resource of the plugin; the class name is the last part of its type token, annotations are its outputs.

    Args:
        inputs: by the names of the model's fields; each of them, and no other.
    """

    model: ClassVar[type[spec.Inputs]]
    secret_outputs: ClassVar[tuple[str, ...]] = ()

    def __init__(self, name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        fields = self.model.model_fields
        required = {key for key, field in fields.items() if field.is_required()}
        if wrong := (set(inputs) - set(fields)) | (required - set(inputs)):
            raise TypeError(f"{type(self).__name__} {name}: unknown or missing: {', '.join(sorted(wrong))}")
        hidden = self.model.marked("secret")
        props: dict[str, Any] = {}
        for key, value in inputs.items():
            alias = str(fields[key].alias)
            plain = _plain(value)
            props[alias] = pulumi.Output.secret(plain) if alias in hidden else plain
        outputs = dict.fromkeys(output for output in self.__class__.__annotations__ if output not in props)
        options = pulumi.ResourceOptions(additional_secret_outputs=list(self.secret_outputs))
        token = f"{PACKAGE}:index:{type(self).__name__}"
        super().__init__(token, name, {**props, **outputs}, pulumi.ResourceOptions.merge(opts, options))


class Secret(Resource):
    """A random value, made once and kept encrypted in the state."""

    value: pulumi.Output[str]
    model = spec.RandomInputs
    secret_outputs = ("value",)


class StackId(Resource):
    """The random name by which this stack knows its own processes and directories."""

    value: pulumi.Output[str]
    model = spec.RandomInputs


class CertificateAuthority(Resource):
    """Signs the certificates of a stack; its key lives encrypted in the state."""

    certificate: pulumi.Output[str]
    signer: pulumi.Output[str]
    model = CertificateAuthorityInputs
    secret_outputs = ("signer",)

    def sign(self, name: str, names: Sequence[str], opts: pulumi.ResourceOptions | None = None) -> "Certificate":
        """Return a certificate for a host, by all its names."""
        return Certificate(name, {"authority": self.certificate, "authority_key": self.signer, "names": names}, opts)


class Certificate(Resource):
    """A certificate with its key, renewed a month before it ends."""

    pem: pulumi.Output[str]
    digest: pulumi.Output[str]
    ends: pulumi.Output[str]
    model = CertificateInputs
    secret_outputs = ("pem",)


class TrustStore(Resource):
    """Who signs the certificates of a stack, as a Java reads it."""

    content: pulumi.Output[str]
    model = TrustStoreInputs


class Preflight(Resource):
    """Everything that would make a start fail, found before anything is touched.

    Attributes:
        versions: of the Pythons of native hosts, by host.
    """

    versions: pulumi.Output[Mapping[str, dict[str, str]]]
    model = spec.PreflightInputs


class HostFiles(Resource):
    """The directories of a stack on a host, and the files with its secrets (readable by their owner only).

    Attributes:
        digests: of the files, by path; they differ from one restart of the readers to the next.
        user: uid:gid that owns them, which is who SSH logs in as.
    """

    digests: pulumi.Output[Mapping[str, str]]
    user: pulumi.Output[str]
    model = spec.HostFilesInputs


class ClientProfile(Resource):
    """The user's own files on the control node, by which clients there find the cluster.

    Attributes:
        trusts: path of the certificate of who signs those of the database; empty where it speaks no TLS.
    """

    trusts: pulumi.Output[str]
    model = spec.ClientProfileInputs


class HostProcess(Resource):
    """A process that runs on a host as declared."""

    incarnation: pulumi.Output[str]
    model = spec.HostProcessInputs


class NodeProcesses(Resource):
    """The processes of one role on the nodes of a job, each a program of its own.

    Attributes:
        revision: how often some of them were started.
    """

    revision: pulumi.Output[int]
    model = NodeProcessesInputs


class ApptainerImage(Resource):
    """The image of a job's containers, built first where it is no file.

    Attributes:
        pinned: its path and, where it can be read as one, its digest.
    """

    pinned: pulumi.Output[str]
    model = ApptainerImageInputs


class SlurmJob(Resource):
    """The job that gives a stack its nodes, submitted or found again."""

    job: pulumi.Output[str]
    model = SlurmJobInputs


class Allocation(Resource):
    """The nodes of a job, once it runs.

    Attributes:
        incarnation: which start of which job it is.
        nodes: their names and addresses, by host.
    """

    incarnation: pulumi.Output[str]
    nodes: pulumi.Output[dict[str, dict[str, str]]]
    model = AllocationInputs


class Staged(Resource):
    """What the workers of a host have there, and their results."""

    model = StagedInputs


class Batch(Resource):
    """What a job runs by itself, as it is seen.

    Attributes:
        seen: its id, state, exit status and log.
    """

    seen: pulumi.Output[dict[str, Any]]
    model = BatchInputs


class ReverseAccess(Resource):
    """Where login hosts to which a job dials out lead to its Jupyter.

    Attributes:
        seen: of each its name, and where the way begins there or why nowhere.
    """

    seen: pulumi.Output[list[dict[str, str]]]
    model = ReverseAccessInputs


class ContainerImage(Resource):
    """The image of all containers of a stack on a host: resolved once, seen to have what the roles need."""

    pinned: pulumi.Output[str]
    versions: pulumi.Output[dict[str, str]]
    model = spec.ContainerImageInputs


class VersionMatch(Resource):
    """Refuses hosts whose Pythons do not understand each other."""

    model = spec.VersionMatchInputs


class AddressRepair(Resource):
    """What kept data say of their peers' addresses, repaired before their mongod is started."""

    model = spec.AddressRepairInputs


class Turn(Resource):
    """Goes before the restart of a process: waits until others do its work, and hands that over."""

    model = spec.TurnInputs


class Ready(Resource):
    """The readiness check of a process: done when it does its job; a new incarnation is probed again.

    Attributes:
        size: what its node has given it, where that is not in the plan.
        way: by which its ports were reached on a node of a job.
    """

    incarnation: pulumi.Output[str]
    size: pulumi.Output[dict[str, int] | None]
    way: pulumi.Output[str | None]
    model = spec.ReadyInputs


class NodesReady(Resource):
    """The readiness check of the processes of one role on the nodes of a job.

    Attributes:
        runs: which run of each was seen ready, by host.
        sizes: what its node has given each, by host.
    """

    runs: pulumi.Output[dict[str, str]]
    sizes: pulumi.Output[dict[str, dict[str, int]]]
    model = NodesReadyInputs


class DatabaseUsers(Resource):
    """The users of an unsharded database, ensured on data of any origin."""

    model = spec.DatabaseUsersInputs


class Encryption(Resource):
    """How the servers of a database speak TLS: brought to nothing else, with the newest certificates."""

    model = spec.EncryptionInputs


class ShardedCluster(Resource):
    """Replica sets, shards, sharded collections and users, as one thing that is never deleted, only forgotten."""

    model = spec.ShardedClusterInputs


def start_stub_engine(stack: str, hosts: Sequence[str]) -> str:
    """Forget hosts in this update; return the address of the Docker engine that has nothing of them."""
    arguments = {"stack": stack, "hosts": list(hosts)}
    return str(pulumi.runtime.invoke(f"{PACKAGE}:index:startStubEngine", arguments).value["engine"])


def _plain(value: Any) -> Any:
    """Return a value as it goes over the wire."""
    if isinstance(value, Value):
        return value.dump()
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]  # pyright: ignore[reportUnknownVariableType]
    return value
