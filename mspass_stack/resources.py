"""The plugin's resources as Pulumi sees them: the seam between components and provider."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pulumi

from mspass_stack.rendered import Reach, RenderedProcess

PACKAGE = "mspassnode"
"""Not the project's name: the engine hands all config of a namespace, secrets too, to the package of that name."""


class Resource(pulumi.CustomResource):
    """A resource of the plugin; the class name is the last part of its type token."""

    def __init__(self, name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions | None) -> None:
        super().__init__(f"{PACKAGE}:index:{type(self).__name__}", name, dict(inputs), opts)


class Secret(Resource):
    """A random value, made once and kept encrypted in the state."""

    value: pulumi.Output[str]

    def __init__(
        self, name: str, form: Literal["keyfile", "password", "token"], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        secret = pulumi.ResourceOptions(additional_secret_outputs=["value"])
        super().__init__(name, {"form": form, "value": None}, pulumi.ResourceOptions.merge(opts, secret))


class StackId(Resource):
    """The random name by which this stack knows its own processes and folders."""

    value: pulumi.Output[str]

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, {"form": "id", "value": None}, opts)


class CertificateAuthority(Resource):
    """Signs the certificates of a stack; its key lives encrypted in the state."""

    certificate: pulumi.Output[str]
    signer: pulumi.Output[str]

    def __init__(self, name: str, stack: str, opts: pulumi.ResourceOptions | None = None) -> None:
        secret = pulumi.ResourceOptions(additional_secret_outputs=["signer"])
        inputs = {"stack": stack, "certificate": None, "signer": None}
        super().__init__(name, inputs, pulumi.ResourceOptions.merge(opts, secret))

    def sign(self, name: str, names: Sequence[str], opts: pulumi.ResourceOptions | None = None) -> "Certificate":
        """A certificate for a host, by all its names."""
        return Certificate(name, self.certificate, self.signer, names, opts)


class Certificate(Resource):
    """A certificate with its key, renewed a month before it ends."""

    pem: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        authority: pulumi.Input[str],
        authority_key: pulumi.Input[str],
        names: Sequence[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        secret = pulumi.ResourceOptions(additional_secret_outputs=["pem"])
        inputs = {"authority": authority, "authorityKey": authority_key, "names": names, "pem": None}
        super().__init__(name, inputs, pulumi.ResourceOptions.merge(opts, secret))


class Preflight(Resource):
    """Everything that would make a start fail, found before anything is touched."""

    def __init__(
        self,
        name: str,
        stack: str,
        stack_id: pulumi.Input[str],
        hosts: Mapping[str, Any],
        reaches: Mapping[str, Reach],
        shards: Mapping[str, Mapping[str, int]],
        documents: Mapping[str, str],
        abandoned: Sequence[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {"stack": stack, "stackId": stack_id, "hosts": hosts, "reaches": _dumped(reaches)}
        super().__init__(name, {**inputs, "shards": shards, "documents": documents, "abandoned": abandoned}, opts)


class HostFiles(Resource):
    """The folders of a stack on a host, and the files with its secrets (readable by their owner only).

    Attributes:
        user: uid:gid that owns them, which is who SSH logs in as.
    """

    digests: pulumi.Output[Mapping[str, str]]
    user: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        stack: str,
        stack_id: pulumi.Input[str],
        reach: Reach,
        home: str,
        folders: Sequence[str],
        files: Mapping[str, pulumi.Input[str]],
        key: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {"stack": stack, "stackId": stack_id, "host": reach.host, "home": home, "folders": folders}
        inputs |= {"reach": reach.model_dump(), "files": pulumi.Output.secret(files), "key": key}
        super().__init__(name, {**inputs, "digests": None, "user": None}, opts)


class HostProcess(Resource):
    """A process that runs on a host as declared."""

    incarnation: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        stack: str,
        stack_id: pulumi.Input[str],
        process: RenderedProcess,
        secrets: pulumi.Input[Mapping[str, str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {"stack": stack, "stackId": stack_id, "process": process.dump(), "secrets": secrets}
        super().__init__(name, {**inputs, "incarnation": None}, opts)


class ContainerImage(Resource):
    """The image of all containers of a stack on a host: resolved once, seen to have what the roles need."""

    pinned: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        stack: str,
        stack_id: pulumi.Input[str],
        reach: Reach,
        engine: str,
        image: str,
        needs: Mapping[str, Any],
        home: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        place = {"stack": stack, "stackId": stack_id, "host": reach.host, "engine": engine, "home": home}
        inputs = {**place, "reach": reach.model_dump(), "image": image, "needs": needs}
        super().__init__(name, {**inputs, "pinned": None}, opts)


class Readdress(Resource):
    """What kept data say of their peers' addresses, mended before their mongod is started."""

    def __init__(
        self,
        name: str,
        stack: str,
        stack_id: pulumi.Input[str],
        reach: Reach,
        engine: str,
        image: pulumi.Input[str],
        python: str,
        user: pulumi.Input[str],
        container: str,
        data: str,
        replica_set: str,
        addresses: Mapping[str, str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        place = {"stack": stack, "stackId": stack_id, "host": reach.host, "engine": engine, "reach": reach.model_dump()}
        started = {"image": image, "python": python, "user": user, "container": container, "data": data}
        super().__init__(name, {**place, **started, "set": replica_set, "addresses": addresses}, opts)


class Retirement(Resource):
    """Retires a worker's processes before its container is replaced by another."""

    def __init__(
        self,
        name: str,
        stack: str,
        worker: str,
        digest: pulumi.Input[str],
        scheduler: Mapping[str, str],
        engine: str,
        reach: Reach,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {"stack": stack, "worker": worker, "digest": digest, "scheduler": scheduler}
        super().__init__(name, {**inputs, "engine": engine, "probeReach": reach.model_dump()}, opts)


class Ready(Resource):
    """The gate that opens when a process does its job; a new incarnation is probed again."""

    incarnation: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        stack: str,
        stack_id: pulumi.Input[str],
        process: RenderedProcess,
        engine: str,
        reach: Reach,
        probe_reach: Reach,
        incarnations: Sequence[pulumi.Input[str]],
        scheduler: Mapping[str, str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {"stack": stack, "stackId": stack_id, "process": process.dump(), "incarnations": incarnations}
        inputs |= {"engine": engine, "reach": reach.model_dump(), "probeReach": probe_reach.model_dump()}
        super().__init__(name, {**inputs, "scheduler": scheduler or {}, "incarnation": None}, opts)


class DatabaseUsers(Resource):
    """The users of an unsharded database, ensured on data of any origin."""

    def __init__(
        self,
        name: str,
        stack: str,
        reach: Reach,
        address: str,
        port: int,
        home: str,
        key_file: pulumi.Input[str],
        users: Mapping[str, Mapping[str, Any]],
        incarnation: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        place = {"stack": stack, "address": address, "port": port, "home": home, "incarnation": incarnation}
        super().__init__(name, {**place, "reach": reach.model_dump(), "keyFile": key_file, "users": users}, opts)


class ShardedCluster(Resource):
    """Replica sets, shards, sharded collections and users, as one thing that is never deleted, only forgotten."""

    def __init__(
        self,
        name: str,
        stack: str,
        reaches: Mapping[str, Reach],
        config: Mapping[str, Any],
        shards: Mapping[str, Any],
        routers: Mapping[str, Any],
        collections: Mapping[str, str],
        users: Mapping[str, Mapping[str, Any]],
        key_file: pulumi.Input[str],
        home: str,
        incarnations: Sequence[pulumi.Input[str]],
        abandoned: Sequence[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        sets = {"config": config, "shards": shards, "routers": routers, "collections": collections}
        inputs = {
            "stack": stack,
            "reaches": _dumped(reaches),
            **sets,
            "users": users,
            "keyFile": key_file,
            "home": home,
            "abandoned": abandoned,
        }
        super().__init__(name, {**inputs, "incarnations": incarnations}, opts)


def abandon(stack: str, hosts: Sequence[str]) -> str:
    """Give hosts up for this update; the address of the Docker engine that has nothing of them."""
    arguments = {"stack": stack, "hosts": list(hosts)}
    return str(pulumi.runtime.invoke(f"{PACKAGE}:index:abandon", arguments).value["engine"])


def _dumped(reaches: Mapping[str, Reach]) -> dict[str, dict[str, Any]]:
    return {host: reach.model_dump() for host, reach in reaches.items()}
