"""When kept data are mended before their start, and when they are left alone. The mend itself: tests/lab."""

import json
from pathlib import Path
from typing import Any

import pytest

from mspass_stack.provider.limits import OWN
from mspass_stack.provider.readdress import note_of
from mspass_stack.provider.registry import RESOURCES
from mspass_stack.provider.resource import Call, Refused

KIND = RESOURCES["Readdress"]
NAME = "addresses-configsvr-head@head"
SHARDS = {"a": "a/10.0.0.2:27018", "b": "b/10.0.0.3:27018,10.0.0.4:27018"}


class Data:
    """A folder of data of a config server on this machine, whose engine does not answer: a mend is refused."""

    def __init__(self, folder: Path) -> None:
        self.path, self.note = folder / "data_config", folder / "data_config.addresses"
        self.path.mkdir()
        self._engine = f"unix://{folder}/no-engine.sock"

    def fill(self, known: dict[str, str] | None = None) -> None:
        """Let there be data, and a note of the addresses in them."""
        (self.path / "WiredTiger").touch()
        if known:
            self.note.write_text(json.dumps(known))

    def call(self, addresses: dict[str, str], preview: bool = False) -> Call:
        inputs: dict[str, Any] = {
            "stack": "lab",
            "stackId": "0123456789ab",
            "host": "head",
            "engine": self._engine,
            "image": "one",
            "user": "1000:1000",
            "container": "mspass-lab-configsvr-head",
            "data": str(self.path),
            "set": "configserver",
            "addresses": addresses,
        }
        return Call(NAME, inputs, preview=preview)

    def ensure(self, addresses: dict[str, str]) -> None:
        assert KIND.create(self.call(addresses)) == (f"lab/addresses/{NAME}", {})

    def expect_mend(self, addresses: dict[str, str]) -> None:
        with pytest.raises(Refused, match="mspass-lab-configsvr-head: its data could not be mended: no Docker engine"):
            self.ensure(addresses)

    @property
    def noted(self) -> dict[str, str]:
        return json.loads(self.note.read_text())


@pytest.fixture
def data(tmp_path: Path) -> Data:
    return Data(tmp_path)


def test_new_data_are_noted_and_not_mended(data: Data) -> None:
    data.ensure(SHARDS)
    assert data.noted == SHARDS


def test_data_that_name_the_same_addresses_are_left_alone(data: Data) -> None:
    data.fill(SHARDS)
    data.ensure(SHARDS)
    assert data.noted == SHARDS


def test_data_that_name_another_address_of_a_peer_are_mended(data: Data) -> None:
    data.fill(SHARDS)
    data.expect_mend(SHARDS | {"a": "a/10.0.0.99:27018"})


def test_data_of_unknown_origin_are_mended(data: Data) -> None:
    data.fill()
    data.expect_mend(SHARDS)


def test_a_note_that_cannot_be_read_is_no_note(data: Data) -> None:
    data.fill(SHARDS)
    data.note.write_text("{")
    data.expect_mend(SHARDS)


def test_an_interrupted_mend_is_done_again_also_when_the_addresses_are_the_old_ones(data: Data) -> None:
    data.fill(SHARDS)
    data.expect_mend(SHARDS | {"a": "a/10.0.0.99:27018"})
    data.expect_mend(SHARDS)


def test_a_peer_more_is_found_by_mongodb_itself(data: Data) -> None:
    data.fill({"a": SHARDS["a"]})
    data.ensure(SHARDS)
    assert data.noted == SHARDS


@pytest.mark.parametrize("members", ["10.0.0.4:27018,10.0.0.5:27018", "10.0.0.4:27018"], ids=["another", "fewer"])
def test_a_peer_with_one_of_its_members_left_is_found_by_mongodb_itself(data: Data, members: str) -> None:
    data.fill(SHARDS)
    after = SHARDS | {"b": f"b/{members}"}
    data.ensure(after)
    assert data.noted == after


def test_a_preview_touches_nothing(data: Data) -> None:
    data.fill(SHARDS)
    KIND.create(data.call({"a": "a/10.0.0.99:27018"}, preview=True))
    assert data.noted == SHARDS


def test_the_note_is_beside_the_data_and_ours(data: Data) -> None:
    assert note_of(str(data.path)) == str(data.note)
    assert OWN.match(data.note.name)


def test_other_addresses_are_a_change_and_another_way_to_the_host_is_none(data: Data) -> None:
    old = data.call(SHARDS).inputs
    other = data.call(SHARDS | {"a": "a/10.0.0.99:27018"}).inputs
    assert KIND.diff(Call(NAME, other, old_inputs=old)) == ["addresses"]
    assert KIND.diff(Call(NAME, old | {"reach": {"user": "other"}}, old_inputs=old)) == []
