"""What workers of a host have there: brought once, brought again in what differs, results back before it goes."""

from pathlib import Path
from typing import Any

import pytest

from mspass_stack.errors import Refused
from mspass_stack.machines.local import LocalMachine
from mspass_stack.provider.preflight.stage_check import on_host, on_login
from mspass_stack.provider.resources.base import Call
from mspass_stack.provider.resources.staged import Staged
from mspass_stack.spec.stage import Back, Brought, StageSpec
from tests.provider.conftest import HERE


class Place:
    """A host with a source and a place for results."""

    def __init__(self, top: Path) -> None:
        self.source, self.results, self.stack_dir = top / "waveforms", top / "results", top / "stack"
        for path in (self.source, self.stack_dir):
            path.mkdir()
        (self.source / "a").write_text("one")
        self.spec = StageSpec(
            host="here",
            bring=(Brought(source=str(self.source), name="w"),),
            back=(Back(to=str(self.results), name="r"),),
        )
        self.outputs: dict[str, Any] = {}

    def call(self, **more: Any) -> Call:
        inputs = {"connection": HERE, "stackDir": str(self.stack_dir), "spec": self.spec.dump()}
        common = {"stack": "test", "stackId": "0123456789ab"}
        return Call("test", {**common, **inputs}, outputs=self.outputs, old_inputs={**common, **inputs}, **more)

    def texts(self) -> dict[str, str]:
        place = self.stack_dir / "stage/in/w"
        return {path.name: path.read_text() for path in place.iterdir()}

    def result(self) -> Path:
        return self.stack_dir / "stage/out/r/found"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    _, place.outputs = Staged().create(place.call())
    return place


def test_a_second_look_sees_no_difference_and_one_after_a_change_does(place: Place) -> None:
    staged = Staged()
    assert place.texts() == {"a": "one"}
    place.outputs = staged.read(place.call())
    assert staged.diff(place.call()) == []
    (place.source / "b").write_text("two")
    place.outputs = staged.read(place.call())
    assert staged.diff(place.call()) == ["sources"]
    assert staged.update(place.call(preview=True)) == {}
    place.outputs = staged.update(place.call())
    assert place.texts() == {"a": "one", "b": "two"}
    assert staged.diff(place.call()) == []


def test_a_copy_that_somebody_removed_is_seen(place: Place) -> None:
    (place.stack_dir / "stage/in/w/a").unlink()
    place.outputs = Staged().read(place.call())
    assert Staged().diff(place.call()) == ["sources"]


def test_a_source_that_is_gone_is_no_end_of_a_refresh_and_one_of_an_update(place: Place) -> None:
    (place.source / "a").unlink()
    place.source.rmdir()
    place.outputs = Staged().read(place.call())
    assert place.outputs["observed"] == f"{place.source}: is not there"
    with pytest.raises(Refused, match=f"host 'here': {place.source}: is not there"):
        Staged().update(place.call())


def test_results_are_back_before_all_of_it_is_removed(place: Place) -> None:
    place.result().write_text("mine")
    Staged().delete(place.call())
    assert (place.results / "here/found").read_text() == "mine"
    assert not (place.stack_dir / "stage").exists()
    Staged().delete(place.call())


def test_results_that_cannot_be_brought_back_stay(place: Place) -> None:
    place.result().write_text("mine")
    place.results.write_text("in the way")
    with pytest.raises(Refused, match=f"host 'here': {place.results}"):
        Staged().delete(place.call())
    assert place.result().read_text() == "mine"


def test_what_a_stack_that_was_lost_has_left_is_brought_back_before_another_begins(place: Place) -> None:
    place.result().write_text("mine")
    Staged().create(place.call())
    assert (place.results / "here/found").read_text() == "mine"
    assert not place.result().exists()


def test_the_preflight_names_each_part_by_its_path(tmp_path: Path) -> None:
    there, file = tmp_path / "there", tmp_path / "file"
    there.mkdir()
    file.touch()
    taken = tmp_path / "taken"
    taken.mkdir()
    spec = StageSpec(
        host="here",
        bring=(
            Brought(source=str(there), name="a"),
            Brought(source=str(file), name="b"),
            Brought(source=str(tmp_path / "absent"), name="c"),
            Brought(source=str(there), name="d", link=str(taken)),
        ),
        back=(Back(to=str(tmp_path / "new/deep"), name="e"), Back(to=str(file / "x"), name="f")),
    )
    machine = LocalMachine()
    assert list(on_host(machine, str(tmp_path / "stack"), spec)) == [
        f"mspass:cluster.stage.in[1]: {file}: is no directory",
        f"mspass:cluster.stage.in[2]: {tmp_path}/absent: is not there",
        f"mspass:cluster.stage.in[3]: {taken}: is there already, and is not ours: remove it, or say another path",
        f"mspass:cluster.stage.out[1]: {file}/x: {file} is no directory",
    ]
    assert list(on_login(machine, spec)) == [
        f"mspass:cluster.stage.in[1].from: {file} is no directory",
        f"mspass:cluster.stage.in[2].from: {tmp_path}/absent is not there",
        f"mspass:cluster.stage.out[1].to: {file}/x: {file} is no directory that can be written",
    ]


def test_the_preflight_compares_what_is_to_be_brought_with_the_disk(place: Place) -> None:
    with (place.source / "large").open("wb") as file:
        file.truncate(1 << 42)
    (line,) = on_host(LocalMachine(), str(place.stack_dir), place.spec)
    assert line.startswith(f"mspass:cluster.stage.in: 4096.0 GiB are to be brought to {place.stack_dir}/stage, whose")
