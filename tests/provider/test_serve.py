"""The plugin's answers on the wire."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from mspass_stack import polling
from mspass_stack.agent import waiting
from mspass_stack.agent.errors import Refused as AgentRefused
from mspass_stack.errors import InitFailed, Refused, Unreachable
from mspass_stack.provider.resources.base import Call, Resource
from mspass_stack.provider.server.codec import Props, decode, encode
from mspass_stack.provider.server.serve import Servicer, listen
from mspass_stack.spec.resources import Inputs

TOGETHER = 50


class Barrier(Resource[Inputs]):
    """Creates that all wait until the last of them has come."""

    def __init__(self) -> None:
        self.barrier = threading.Barrier(TOGETHER, timeout=60)

    def create(self, call: Call) -> tuple[str, Props]:
        self.barrier.wait()
        return call.name, {}


class Half(Resource[Inputs]):
    """Made, but not in order."""

    def create(self, call: Call) -> tuple[str, Props]:
        raise InitFailed("half", {"pid": 7}, "it does not answer")

    def read(self, call: Call) -> Props | None:
        raise InitFailed(call.id, {"pid": 7}, "it still does not answer")


class Broken(Resource[Inputs]):
    """Refuses, does not reach its host, or has a bug."""

    def create(self, call: Call) -> tuple[str, Props]:
        if call.inputs.get("bug"):
            raise KeyError("bug")
        if call.inputs.get("far"):
            raise Unreachable("host 'n1' (10.0.0.1) cannot be reached by ssh: no answer within 10 s")
        raise Refused("port 27017 is taken")

    def read(self, call: Call) -> Props | None:
        return None


class Patient(Resource[Inputs]):
    """Waits for what never comes, itself or by its agent."""

    def __init__(self, wait_until: Callable[[Callable[[], None], float], object]) -> None:
        self.waits, self._wait_until = threading.Event(), wait_until

    def create(self, call: Call) -> tuple[str, Props]:
        try:
            self._wait_until(self.waits.set, 600)
        except AgentRefused as refused:
            raise Refused(str(refused)) from None  # as `LocalAgent` does
        return "patient", {}


def _serving(resources: Mapping[str, Resource[Any]], talk: Callable[[Any], Any]) -> Any:
    async def run() -> Any:
        server, port = await listen(Servicer(resources))
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                return await talk(provider_pb2_grpc.ResourceProviderStub(channel))
        finally:
            await server.stop(None)

    return asyncio.run(run())


def _urn(kind: str, name: str = "x") -> str:
    return f"urn:pulumi:stack::mspass::mspassnode:index:{kind}::{name}"


def _create(kind: str, name: str = "x", **inputs: Any) -> Any:
    return provider_pb2.CreateRequest(urn=_urn(kind, name), properties=encode(inputs))


def _failure(resources: Mapping[str, Resource[Any]], talk: Callable[[Any], Any]) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        _serving(resources, talk)
    return failed.value


def test_fifty_creates_are_in_flight_at_once() -> None:
    async def talk(stub: Any) -> Any:
        return await asyncio.gather(*(stub.Create(_create("Barrier", str(i))) for i in range(TOGETHER)))

    answers = _serving({"Barrier": Barrier()}, talk)
    assert {answer.id for answer in answers} == {str(i) for i in range(TOGETHER)}


@pytest.mark.parametrize("verb", ["Create", "Read"])
def test_what_was_made_but_is_not_in_order_stays_in_the_state(verb: str) -> None:
    def talk(stub: Any) -> Any:
        if verb == "Create":
            return stub.Create(_create("Half", port=8786))
        return stub.Read(provider_pb2.ReadRequest(urn=_urn("Half"), id="half", inputs=encode({"port": 8786})))

    error = _failure({"Half": Half()}, talk)
    metadata = dict(error.trailing_metadata() or ())
    status = status_pb2.Status.FromString(bytes(metadata["grpc-status-details-bin"]))  # type: ignore[arg-type]
    detail = provider_pb2.ErrorResourceInitFailed()
    status.details[0].Unpack(detail)
    assert detail.id == "half"
    assert decode(detail.properties) == {"pid": 7, "port": 8786}
    assert "does not answer" in detail.reasons[0]


def test_a_refusal_is_one_message_without_a_traceback() -> None:
    error = _failure({"Broken": Broken()}, lambda stub: stub.Create(_create("Broken")))
    assert error.details() == "port 27017 is taken"


def test_a_host_that_cannot_be_reached_is_reported_with_the_ways_to_go_on_without_it() -> None:
    error = _failure({"Broken": Broken()}, lambda stub: stub.Create(_create("Broken", far=True)))
    first, advice = (error.details() or "").splitlines()
    assert first == "host 'n1' (10.0.0.1) cannot be reached by ssh: no answer within 10 s"
    assert "--exclude '**@HOST'" in advice
    assert "mspass:abandon" in advice


@pytest.mark.parametrize("module", [polling, waiting], ids=["the plugin", "its agent"])
def test_whoever_waits_gives_up_when_the_user_interrupts(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for each in (polling, waiting):
        monkeypatch.setattr(each, "interrupted", threading.Event())
    patient = Patient(module.wait_until)

    async def talk(stub: Any) -> Any:
        created = stub.Create(_create("Patient"))
        await asyncio.get_running_loop().run_in_executor(None, patient.waits.wait, 60)
        await stub.Cancel(empty_pb2.Empty())
        return await created

    assert _failure({"Patient": patient}, talk).details() == "interrupted: the next pulumi up goes on from here"


def test_a_bug_is_reported_in_one_line_with_its_place() -> None:
    error = _failure({"Broken": Broken()}, lambda stub: stub.Create(_create("Broken", bug=True)))
    assert (error.details() or "").startswith("internal error: KeyError: 'bug' (")
    assert "\n" not in (error.details() or "")


def test_what_is_gone_has_no_id() -> None:
    answer = _serving(
        {"Broken": Broken()}, lambda stub: stub.Read(provider_pb2.ReadRequest(urn=_urn("Broken"), id="x"))
    )
    assert answer.id == ""


def test_an_unknown_resource_is_named() -> None:
    error = _failure({}, lambda stub: stub.Create(_create("Nothing")))
    assert error.details() == "the plugin has no resource 'mspassnode:index:Nothing'"
