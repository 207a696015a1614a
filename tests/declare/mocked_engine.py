"""An engine in memory: runs a Pulumi program and keeps what it registers, as it goes over the wire."""

import asyncio
import contextvars
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime import mocks
from pulumi.runtime.proto import engine_pb2, resource_pb2

from mspass_stack.spec.alike import Alike

SIGNATURE, IS_SECRET = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"
"""How Pulumi marks a secret on the wire (pulumi/sdk/python, runtime/rpc.py)."""

MARK = "SECRET-"
"""The begin of every value that nobody may see."""

STACK_TYPE = "pulumi:pulumi:Stack"


@dataclass(frozen=True)
class Secret:
    """A value that the engine encrypts and hides."""

    value: Any


@dataclass(frozen=True)
class Declared:
    """A resource as a program registered it; `after`, `parent` and `provider` are names like its own."""

    urn: str
    inputs: dict[str, Any]
    after: frozenset[str]
    parent: str
    provider: str

    @property
    def type(self) -> str:
        return type_of(self.urn)

    @property
    def name(self) -> str:
        return name_of(self.urn)


@dataclass
class Run:
    """What became of a program."""

    resources: list[Declared] = field(default_factory=list[Declared])
    outputs: dict[str, Any] = field(default_factory=dict[str, Any])
    component_outputs: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    log: list[str] = field(default_factory=list[str])
    error: str = ""

    @property
    def running(self) -> "dict[str, Declared]":
        """What runs the processes, natively or in containers, by name."""
        return self.of("HostProcess") | self.of("Container")

    @property
    def programs(self) -> dict[str, dict[str, Any]]:
        """Process and digest of what supervisord keeps up, by name and host: also of those that are one resource."""
        found = {name: found.inputs for name, found in self.of("HostProcess").items()}
        for nodes in self.of("NodeProcesses").values():
            for group in nodes.inputs["processes"]:
                for process, _ in Alike.model_validate(group).each():
                    own = {"process": process.dump(), "digest": nodes.inputs["digests"][process.host]}
                    found[f"{process.name}@{process.host}"] = own
        return found

    def of(self, kind: str) -> dict[str, Declared]:
        """The resources whose type ends so, by name."""
        return {found.name: found for found in self.resources if found.type.endswith(f":{kind}")}

    @property
    def types(self) -> dict[str, str]:
        """The last part of each resource's type, by its name."""
        return {found.name: found.type.rsplit(":", 1)[1] for found in self.resources}


def type_of(urn: str) -> str:
    return urn.split("::")[2].rsplit("$", 1)[-1]


def name_of(urn: str) -> str:
    return urn.split("::")[3]


def shown(value: Any) -> Iterator[str]:
    """Every text in a value that is not hidden in a secret, keys too."""
    if isinstance(value, Mapping):
        for key, item in value.items():  # pyright: ignore[reportUnknownVariableType]
            yield from (*shown(key), *shown(item))
    elif isinstance(value, list):
        for item in value:  # pyright: ignore[reportUnknownVariableType]
            yield from shown(item)
    elif not isinstance(value, Secret):
        yield str(value)


def opened(value: Any) -> Any:
    """A value with its secrets laid open."""
    if isinstance(value, Secret):
        return opened(value.value)
    if isinstance(value, dict):
        return {key: opened(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list):
        return [opened(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return value


# What the plugin would answer, with texts that tell where they come from.
ANSWERS: dict[str, Callable[[str, dict[str, Any]], dict[str, Any]]] = {
    "Secret": lambda name, _: {"value": f"{MARK}{name}"},
    "StackId": lambda name, _: {"value": "0123456789ab"},
    "CertificateAuthority": lambda name, _: {"certificate": f"certificate of {name}", "signer": f"{MARK}{name}"},
    "Certificate": lambda name, _: {
        "pem": f"{MARK}{name}",
        "digest": f"digest of {name}",
        "ends": "2029-11-25T00:00:00+00:00",
    },
    "TrustStore": lambda name, _: {"content": b64encode(b"a store").decode()},
    "ClientProfile": lambda _, inputs: {"trusts": inputs["authorityPath"]},
    "HostFiles": lambda _, inputs: {
        "digests": {path: f"digest of {path}" for path in opened(inputs["files"])},
        "user": "1000:1000",
    },
    "HostProcess": lambda name, _: {"incarnation": f"run of {name}"},
    "NodeProcesses": lambda name, _: {"revision": 1},
    "NodesReady": lambda name, inputs: {
        "runs": {host: f"run of {name} on {host}" for group in inputs["processes"] for host in group["hosts"]},
        "sizes": {host: {"workers": 7} for group in inputs["processes"] for host in group["hosts"]},
    },
    "ApptainerImage": lambda _, inputs: {"pinned": f"{inputs['image']}@sha256:0"},
    "SlurmJob": lambda name, _: {"job": "4711"},
    "Batch": lambda name, inputs: {"seen": {"id": inputs["run"], "state": "waiting", "exit": -1, "log": "/batch.log"}},
    "ReverseAccess": lambda _, inputs: {
        "seen": [{"login": login, "at": f"/tmp/of-{login}", "why": ""} for login in inputs["logins"]]
    },
    "Allocation": lambda name, _: {
        "incarnation": "4711.0",
        "nodes": {f"node{number}": {"name": f"n{number + 1}", "address": f"10.0.0.{number}"} for number in range(5)},
    },
    "Ready": lambda name, inputs: {
        "incarnation": f"run of {name}",
        **({"size": {"workers": 7}} if inputs["process"]["probe"]["size_file"] else {}),
    },
    "ContainerImage": lambda name, _: {"pinned": "repository@sha256:0", "versions": {"distributed": f"of {name}"}},
    "Preflight": lambda _, inputs: {"versions": {host: {"distributed": f"of {host}"} for host in inputs["hosts"]}},
}


class Monitor(mocks.MockMonitor):
    """The engine's side of the registrations; answers nothing but names during a preview."""

    def __init__(self, run: Run, preview: bool) -> None:
        super().__init__(_Unused())
        self._run, self._preview = run, preview

    def RegisterResource(self, request: Any) -> Any:
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type == STACK_TYPE:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        inputs = _decoded(request.object)
        parent = name_of(request.parent) if request.parent else ""
        after = frozenset(map(name_of, request.dependencies))
        # A provider is named by its URN and its id.
        provider = name_of(request.provider) if request.provider else ""
        declared = Declared(urn, inputs, after, parent, provider)
        self._run.resources.append(declared)
        if self._preview:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        answers = ANSWERS.get(declared.type.rsplit(":", 1)[1])
        answer = answers(declared.name, inputs) if answers else {}
        for key in request.additionalSecretOutputs:
            answer[key] = {SIGNATURE: IS_SECRET, "value": answer[key]}
        state = Struct()
        state.update(MessageToDict(request.object) | answer)
        id = f"id of {request.name}" if request.custom else ""
        return resource_pb2.RegisterResourceResponse(urn=urn, id=id, object=state)

    def Invoke(self, request: Any) -> Any:
        answer = Struct()
        answer.update({"engine": f"unix:///stub/{request.tok}"})
        response: Any = {"return": answer}
        return resource_pb2.ResourceInvokeResponse(**response)

    def RegisterResourceOutputs(self, request: Any) -> Any:
        outputs = _decoded(request.outputs)
        if type_of(request.urn) == STACK_TYPE:
            self._run.outputs = outputs
        else:
            self._run.component_outputs.append(outputs)
        return super().RegisterResourceOutputs(request)


class Engine(mocks.MockEngine):
    """Keeps what a program says to its user."""

    def __init__(self, run: Run) -> None:
        super().__init__(None)
        self._run = run

    def Log(self, request: Any) -> None:
        if request.severity != engine_pb2.DEBUG:
            self._run.log.append(request.message)


class _Unused(mocks.Mocks):
    """The SDK's own hooks see no dependencies and no secrets, so `Monitor` answers before they are asked."""

    def call(self, args: mocks.MockCallArgs) -> Any:
        raise AssertionError(f"a call of {args.token}")

    def new_resource(self, args: mocks.MockResourceArgs) -> Any:
        raise AssertionError(f"read or imported: {args.name}")


def run(program: Callable[[], Any], stack: str = "desktop", preview: bool = False) -> Run:
    """Run a program as `pulumi up` does; a `RunError` of it is the result's `error`, any other one is raised."""
    result = Run()

    def inside() -> None:
        pulumi.runtime.configure(
            pulumi.runtime.Settings(
                project="mspass",
                stack=stack,
                monitor=Monitor(result, preview),  # pyright: ignore[reportArgumentType]
                engine=Engine(result),  # pyright: ignore[reportArgumentType]
                dry_run=preview,
            )
        )
        try:
            asyncio.run(pulumi.runtime.run_in_stack(lambda: _ignored(program())))
        except pulumi.RunError as error:
            result.error = str(error)

    # Pulumi keeps the state of a program in context variables: a context of its own leaves nothing behind.
    contextvars.copy_context().run(inside)
    # The real engine refuses a second resource of the same name; the SDK's mocks let it win.
    assert len({found.urn for found in result.resources}) == len(result.resources), "declared twice"
    return result


def _ignored(_: Any) -> None:
    """Pulumi would await what a program returns."""


def _decoded(message: Any) -> dict[str, Any]:
    return {key: _revived(value) for key, value in MessageToDict(message).items()}


def _revived(value: Any) -> Any:
    if isinstance(value, list):
        return [_revived(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    if not isinstance(value, dict):
        return value
    if value.get(SIGNATURE) == IS_SECRET:  # pyright: ignore[reportUnknownMemberType]
        return Secret(_revived(value["value"]))
    return {key: _revived(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
