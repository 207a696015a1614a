"""The turn of a set's member: its set goes on taking writes while one member after the other is restarted."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
from pymongo.errors import PyMongoError

from mspass_stack.mongo.replica_set import ReplicaSet
from mspass_stack.mongo.turn import hand_over
from mspass_stack.polling import wait_until
from tests.harness.writer import inserting, to_set, writing
from tests.provider.conftest import Host, host_of
from tests.provider.test_replica_set import Servers

NAMES = ("first", "second", "third")


class Trio:
    """A set of three."""

    def __init__(self, host: Host) -> None:
        self.servers, self.host = Servers(host), host
        self.members = {name: self.servers.start(name) for name in NAMES}
        self.set = ReplicaSet("a", tuple(self.members.values()), self.servers.key)
        self.set.ensure(lambda text: None)

    def turn(self, name: str, patience: float = 60) -> str:
        return hand_over(self.set, self.members[name], patience, lambda text: None)

    def primary(self) -> str:
        """The name of the primary; empty while there is none."""
        for name, member in self.members.items():
            with suppress(PyMongoError), self.set.client(member) as client:
                if client.admin.command("hello")["isWritablePrimary"]:
                    return name
        return ""

    def stop(self, name: str) -> None:
        self.host.manager.stop(name)


@pytest.fixture(scope="module")
def trio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trio]:
    with host_of(tmp_path_factory.mktemp("trio")) as host:
        yield Trio(host)


def test_no_write_is_refused_while_every_member_is_restarted_in_its_turn(trio: Trio) -> None:
    client = to_set("a", trio.set.places, trio.set.key_file)
    with writing(client, inserting("written")) as writer:
        assert wait_until(lambda: writer.written > 100, 30)
        for name in NAMES:
            assert trio.turn(name) == ""
            assert trio.primary() not in (name, "")
            trio.servers.restart(name)
        # The last one is back before the next one's turn, too.
        assert trio.turn(NAMES[0]) == ""
        enough = writer.written + 100
        assert wait_until(lambda: writer.written > enough, 30)
    assert writer.refused == []
    with trio.set.primary() as client:
        assert client["admin"]["written"].count_documents({}) == writer.written


def test_a_member_does_not_go_while_another_is_down_and_stays_primary(trio: Trio) -> None:
    assert wait_until(trio.primary, 60)
    primary = trio.primary()
    other, third = (name for name in NAMES if name != primary)
    trio.stop(other)
    down = f"replica set a: {trio.members[other].place} does not answer"
    assert trio.turn(primary, patience=0) == trio.turn(third, patience=0) == down
    assert trio.primary() == primary
    assert trio.turn(other, patience=0) == "", "what is down is healed without a look at the others"
    trio.servers.restart(other)
    assert trio.turn(primary) == ""


def test_a_set_without_a_majority_waits_for_nobody(trio: Trio) -> None:
    for name in NAMES[1:]:
        trio.stop(name)
    assert trio.turn(NAMES[0], patience=0) == ""
    for name in NAMES[1:]:
        trio.servers.restart(name)
    assert wait_until(trio.primary, 60)


def test_a_set_that_was_never_initiated_waits_for_nobody(host: Host) -> None:
    servers = Servers(host)
    alone = servers.start("alone")
    assert hand_over(ReplicaSet("a", (alone,), servers.key), alone, 0, lambda text: None) == ""
