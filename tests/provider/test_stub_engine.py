"""The engine of hosts that will not come back: it has nothing, in Docker's own words."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import grpc.aio
import pytest
from docker.errors import NotFound
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from mspass_stack.machines.forward import own_directory
from mspass_stack.managers.docker_engine import DockerEngine
from mspass_stack.provider import stub_engine
from mspass_stack.provider.resources.base import Call, Resource
from mspass_stack.provider.server.codec import decode, encode
from mspass_stack.provider.server.serve import Servicer, listen
from mspass_stack.spec.connection import ConnectionSpec
from mspass_stack.spec.resources import Inputs

STACK = "of-the-stub-engine-test"


@pytest.fixture(autouse=True)
def given_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """The hosts that are given up: none when a test begins; the sockets that it opens are gone when it ends."""
    hosts: set[str] = set()
    monkeypatch.setattr(stub_engine, "abandoned", hosts)
    made: set[Path] = set()
    opened = stub_engine.start

    def noted(stack: str, hosts: list[str]) -> str:
        address = opened(stack, hosts)
        made.add(Path(address.removeprefix("unix://")))
        return address

    monkeypatch.setattr(stub_engine, "start", noted)
    yield hosts
    for path in made:
        path.unlink()


def _engine(address: str) -> DockerEngine:
    return DockerEngine(ConnectionSpec(engine=address))


@pytest.fixture
def address() -> str:
    return stub_engine.start(STACK, ["n9"])


@pytest.fixture
def client(address: str) -> "Iterator[docker.DockerClient]":
    client = docker.DockerClient(base_url=address, timeout=10)
    yield client
    client.close()


def test_it_answers_as_an_engine(client: "docker.DockerClient") -> None:
    assert client.ping()
    assert client.version()["ApiVersion"] == client.api.api_version


def test_it_has_no_containers_and_images(client: "docker.DockerClient") -> None:
    assert client.containers.list(all=True) == []
    assert client.images.list() == []


def test_what_the_state_knows_is_not_found(client: "docker.DockerClient") -> None:
    container = "f" * 64
    for ask in (
        lambda: client.containers.get(container),
        lambda: client.api.stop(container),
        lambda: client.api.kill(container),
        lambda: client.api.remove_container(container, force=True),
        lambda: client.api.logs(container),
    ):
        with pytest.raises(NotFound, match="No such container: its host is forgotten"):
            ask()


def test_our_own_engine_sees_nothing_in_it(address: str) -> None:
    engine = _engine(address)
    assert engine.published() == {}
    assert engine.of_stack("lab") == {}
    assert engine.state("mspass-lab-mongod") == ""


def test_it_is_at_the_same_address_in_every_run_of_a_stack(address: str) -> None:
    assert stub_engine.start(STACK, ["n8"]) == address
    assert _engine(address).published() == {}
    assert stub_engine.start(f"{STACK}-2", []) != address


def test_nobody_else_reaches_it(address: str) -> None:
    assert Path(address.removeprefix("unix://")).parent == own_directory()


def test_its_hosts_are_given_up_all_of_them(address: str, given_up: set[str]) -> None:
    stub_engine.start(STACK, ["n8", "n7"])
    assert given_up == {"n7", "n8", "n9"}


def test_a_stack_with_a_long_name_has_one_too() -> None:
    assert _engine(stub_engine.start(f"{STACK}-{'x' * 75}", [])).published() == {}


class Kept(Resource[Inputs]):
    """Something on a host, which has to be asked to delete it."""

    def __init__(self) -> None:
        self.deleted: list[str] = []

    def delete(self, call: Call) -> None:
        self.deleted.append(call.inputs["connection"]["host"])


def test_the_plugin_deletes_what_was_on_such_a_host_without_asking_it(given_up: set[str]) -> None:
    kept = Kept()

    async def talk() -> Any:
        server, port = await listen(Servicer({"Kept": kept}))
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                stub: Any = provider_pb2_grpc.ResourceProviderStub(channel)
                arguments = encode({"stack": STACK, "hosts": ["n9"]})
                answer = await stub.Invoke(
                    provider_pb2.InvokeRequest(tok="mspassnode:index:startStubEngine", args=arguments)
                )
                for host in ("n8", "n9"):
                    inputs = encode({"connection": {"host": host, "address": "10.0.0.9"}})
                    urn = f"urn:pulumi:stack::mspass::mspassnode:index:Kept::files@{host}"
                    await stub.Delete(
                        provider_pb2.DeleteRequest(id=host, urn=urn, properties=inputs, old_inputs=inputs)
                    )
                return decode(getattr(answer, "return"))
        finally:
            await server.stop(None)

    answer = asyncio.run(talk())
    assert _engine(answer["engine"]).published() == {}
    assert kept.deleted == ["n8"]
    assert given_up == {"n9"}
