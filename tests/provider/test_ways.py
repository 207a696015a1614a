"""The ways to a port of a node: in the order that is asked, and by the one that is known to get through."""

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from mspass_stack.agent.interface import address_of
from mspass_stack.machines.agent import LocalAgent
from mspass_stack.machines.base import Channel
from mspass_stack.machines.local import LocalMachine
from mspass_stack.machines.ways import Ways
from tests.harness.ports import free_ports


class _Agent(LocalAgent):
    """The agent of this machine, which counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def call(self, call: str, /, **arguments: Any) -> Any:
        self.asked.append(call)
        return super().call(call, **arguments)


class _Login(LocalMachine):
    """A login host that gets through, or does not."""

    def __init__(self, opens: bool) -> None:
        self.opens, self.asked = opens, 0

    def connect(self, address: str, port: int) -> Channel:
        self.asked += 1
        if not self.opens:
            raise ConnectionRefusedError("a firewall")
        return super().connect(address, port)


@pytest.fixture
def port() -> Iterator[int]:
    """Of somebody who says a word to each who connects."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        over = threading.Event()

        def greet() -> None:
            while not over.is_set():
                near, _ = server.accept()
                with near:
                    near.sendall(b"hello")

        greeting = threading.Thread(target=greet, daemon=True)
        greeting.start()
        port: int = server.getsockname()[1]
        yield port
        over.set()
        socket.create_connection(("127.0.0.1", port)).close()
        greeting.join()


def _said(channel: Channel) -> bytes:
    try:
        return channel.recv(16)
    finally:
        channel.close()


@pytest.mark.parametrize(
    ("asked", "opens", "known"),
    [
        (("ssh", "relay"), True, "ssh"),
        (("ssh", "relay"), False, "relay"),
        (("direct", "ssh"), False, "direct"),
        (("relay", "ssh"), True, "relay"),
    ],
)
def test_the_first_that_gets_through_is_kept(asked: tuple[str, ...], opens: bool, known: str, port: int) -> None:
    login, agent = _Login(opens), _Agent()
    ways = Ways(login)
    for _ in range(2):
        assert _said(ways.connect(asked, agent, "127.0.0.1", port)) == b"hello"
    assert ways.known == known
    assert login.asked == (2 if known == "ssh" else asked[0] == "ssh")
    assert agent.asked.count("relay_open") == (2 if known == "relay" else 0)


def test_a_port_that_nobody_listens_at_is_refused_by_all_and_nothing_is_learned() -> None:
    ways = Ways(_Login(opens=True))
    with pytest.raises(ConnectionRefusedError):
        ways.connect(("direct", "ssh", "relay"), _Agent(), "127.0.0.1", free_ports(1)[0])
    assert ways.known == ""


def test_an_interface_has_its_address() -> None:
    assert address_of("lo") == "127.0.0.1"
    with pytest.raises(OSError, match="No such device"):
        address_of("none0")
