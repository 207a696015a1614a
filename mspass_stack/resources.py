"""The plugin's resources as Pulumi sees them: the seam between components and provider."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pulumi

from mspass_stack.rendered import RenderedProcess

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


class Preflight(Resource):
    """Everything that would make a start fail, found before anything is touched."""

    def __init__(
        self,
        name: str,
        stack: str,
        stack_id: pulumi.Input[str],
        hosts: Mapping[str, Any],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, {"stack": stack, "stackId": stack_id, "hosts": hosts}, opts)


class HostFiles(Resource):
    """The folders of a stack on a host, and the files with its secrets (readable by their owner only)."""

    digests: pulumi.Output[Mapping[str, str]]

    def __init__(
        self,
        name: str,
        stack: str,
        stack_id: pulumi.Input[str],
        host: str,
        home: str,
        folders: Sequence[str],
        files: Mapping[str, pulumi.Input[str]],
        key: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {"stack": stack, "stackId": stack_id, "host": host, "home": home, "folders": folders}
        secrets = {"files": pulumi.Output.secret(files), "key": key}
        super().__init__(name, {**inputs, **secrets, "digests": None}, opts)


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
        host: str,
        engine: str,
        image: str,
        needs: Mapping[str, Sequence[str]],
        home: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        place = {"stack": stack, "stackId": stack_id, "host": host, "engine": engine, "home": home}
        super().__init__(name, {**place, "image": image, "needs": needs, "pinned": None}, opts)


class Ready(Resource):
    """The gate that opens when a process does its job; a new incarnation is probed again."""

    incarnation: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        stack: str,
        stack_id: pulumi.Input[str],
        process: RenderedProcess,
        incarnations: Sequence[pulumi.Input[str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {"stack": stack, "stackId": stack_id, "process": process.dump(), "incarnations": incarnations}
        super().__init__(name, {**inputs, "incarnation": None}, opts)


class DatabaseUsers(Resource):
    """The users of an unsharded database, ensured on data of any origin."""

    def __init__(
        self,
        name: str,
        stack: str,
        address: str,
        port: int,
        home: str,
        key_file: pulumi.Input[str],
        users: Mapping[str, Mapping[str, Any]],
        incarnation: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        place = {"stack": stack, "address": address, "port": port, "home": home, "incarnation": incarnation}
        super().__init__(name, {**place, "keyFile": key_file, "users": users}, opts)
