"""Directories that are brought to a machine and back: killed in whatever moment, nothing is lost or taken for whole."""

import json
import os
import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from killing import killed_at

from mspass_stack.agent import tree_copy
from mspass_stack.agent.errors import Refused
from mspass_stack.agent.stage import Stage


class Machine:
    """A machine with a source, a root of its own, and a place for results."""

    def __init__(self, top: Path) -> None:
        self.top, self.source, self.shared = top, top / "shared/waveforms", top / "shared/results"
        self.copied = 0
        self.spec: dict[str, Any] = {
            "host": "node1",
            "bring": [{"source": str(self.source), "name": "waveforms", "link": ""}],
            "back": [{"to": str(self.shared), "name": "results", "link": ""}],
        }
        for name in ("a.mseed", "2020/b.mseed", "2020/001/c.mseed"):
            self.write(name, name * 9)
        (self.source / "empty").mkdir()
        (self.source / "a-link").symlink_to("a.mseed")

    def write(self, name: str, text: str) -> None:
        path = self.source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    @property
    def stage(self) -> Stage:
        def tell(size: int) -> None:
            self.copied += size

        return Stage(self.top / "disk/stage", tell)

    @property
    def here(self) -> Path:
        return self.stage.root / "in/waveforms"

    def result(self, name: str, text: str) -> None:
        path = self.stage.root / "out/results" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def results(self) -> dict[str, str]:
        return _texts(self.shared / "node1")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def _above(machine: Machine) -> list[Path]:
    return [machine.stage.root, *machine.stage.root.parents]


def _texts(place: Path) -> dict[str, str]:
    return {str(path.relative_to(place)): path.read_text() for path in sorted(place.rglob("*")) if path.is_file()}


def _copies(machine: Machine, step: Callable[[], object]) -> int:
    before = machine.copied
    step()
    return machine.copied - before


def test_a_directory_is_brought_as_it_is_with_what_its_links_lead_to(machine: Machine) -> None:
    machine.stage.bring(machine.spec)
    assert _texts(machine.here) == _texts(machine.source)
    assert (machine.here / "empty").is_dir()
    assert not (machine.here / "a-link").is_symlink()
    listing = json.loads((machine.here.parent / "waveforms.json").read_text())
    assert {name: entry[2] for name, entry in listing.items()} == {
        name: tree_copy.digest(machine.source / name) for name in _texts(machine.source)
    }


def test_what_is_there_is_not_copied_again_and_a_changed_source_is_in_what_differs(machine: Machine) -> None:
    first = machine.stage.bring(machine.spec)
    assert _copies(machine, lambda: machine.stage.bring(machine.spec)) == 0
    assert machine.stage.look(machine.spec) == {**first, "free": machine.stage.look(machine.spec)["free"]}
    machine.write("2020/b.mseed", "other")
    machine.write("new/d.mseed", "four")
    (machine.source / "a-link").unlink()
    found = machine.stage.look(machine.spec)
    assert (found["is_whole"], found["missing"]) == (False, 9)
    assert found["sources"] != first["sources"]
    assert _copies(machine, lambda: machine.stage.bring(machine.spec)) == 9
    assert _texts(machine.here) == _texts(machine.source)


def test_a_file_that_is_written_anew_with_the_same_size_is_brought_again(machine: Machine) -> None:
    machine.stage.bring(machine.spec)
    machine.write("a.mseed", "A" * len("a.mseed" * 9))
    machine.stage.bring(machine.spec)
    assert _texts(machine.here) == _texts(machine.source)


def test_a_copy_that_somebody_touched_is_brought_again(machine: Machine) -> None:
    machine.stage.bring(machine.spec)
    (machine.here / "a.mseed").write_text("mine")
    (machine.here / "2020/b.mseed").unlink()
    (machine.here / "2020/b.mseed").mkdir()
    machine.stage.bring(machine.spec)
    assert _texts(machine.here) == _texts(machine.source)


def test_killed_anywhere_a_copy_goes_on_and_is_never_taken_for_whole(machine: Machine, tmp_path: Path) -> None:
    for number in count():
        own = Machine(tmp_path / str(number))
        if not killed_at(number, own.top / "disk", lambda own=own: own.stage.bring(own.spec)):
            assert number > 30
            break
        if own.stage.is_whole(own.spec):
            assert _texts(own.here) == _texts(own.source)
        sizes = {name: len(text) for name, text in _texts(own.source).items()}
        there = sum(size for name, size in sizes.items() if (own.here / name).exists())
        own.stage.bring(own.spec)
        # At most the one goes again that was not written down yet.
        assert own.copied <= sum(sizes.values()) - there + max(sizes.values())
        assert _texts(own.here) == _texts(own.source)
        listing = json.loads((own.here.parent / "waveforms.json").read_text())
        assert {name: entry[2] for name, entry in listing.items()} == {
            name: tree_copy.digest(own.source / name) for name in _texts(own.source)
        }
        assert not list((own.stage.root / "in").glob("*.partial"))


def test_killed_anywhere_no_result_is_lost_and_none_is_brought_twice(tmp_path: Path) -> None:
    wanted = {"a": "one", "deep/b": "two", "c": "three"}
    for number in count():
        own = Machine(tmp_path / str(number))
        own.stage.bring(own.spec)
        for name, text in wanted.items():
            own.result(name, text)
        is_killed = killed_at(number, own.top, own.stage.give_back)
        assert {**_texts(own.stage.root / "out/results"), **_whole(own)}.items() >= wanted.items()
        own.stage.give_back()
        assert own.results() == wanted
        assert not _texts(own.stage.root / "out/results")
        if not is_killed:
            assert number > 20
            break


def _whole(machine: Machine) -> dict[str, str]:
    return {name: text for name, text in machine.results().items() if not name.rpartition("/")[2].startswith(".")}


def test_another_file_of_that_name_stays_and_the_result_is_beside_it(machine: Machine) -> None:
    machine.stage.bring(machine.spec)
    (machine.shared / "node1").mkdir(parents=True)
    (machine.shared / "node1/a").write_text("of a former job")
    machine.result("a", "mine")
    machine.stage.give_back(leave=True)
    assert machine.results() == {"a": "of a former job", "a.~1~": "mine"}
    machine.result("a", "mine, and more")
    machine.stage.give_back(leave=True)
    machine.stage.give_back()
    assert machine.results() == {"a": "of a former job", "a.~1~": "mine, and more"}


def test_two_hosts_that_write_the_same_name_are_apart(machine: Machine) -> None:
    for host in ("node1", "node2"):
        own = Stage(machine.top / host)
        own.bring({**machine.spec, "host": host})
        (own.root / "out/results/a").write_text(host)
        own.give_back()
        own.forget()
    assert _texts(machine.shared) == {"node1/a": "node1", "node2/a": "node2"}


def test_results_that_are_declared_no_more_are_brought_back_all_the_same(machine: Machine) -> None:
    machine.stage.bring(machine.spec)
    machine.result("a", "mine")
    machine.stage.bring({**machine.spec, "bring": [], "back": []})
    assert not machine.here.exists()
    machine.stage.give_back()
    assert machine.results() == {"a": "mine"}


def test_what_cannot_be_written_stays_and_is_named(machine: Machine) -> None:
    machine.stage.bring(machine.spec)
    machine.result("a", "mine")
    machine.shared.write_text("in the way")
    with pytest.raises(Refused, match=str(machine.shared)):
        machine.stage.give_back()
    assert (machine.stage.root / "out/results/a").read_text() == "mine"


def test_without_a_container_a_link_shows_it_and_goes_with_it(machine: Machine) -> None:
    link = machine.top / "tmp/waveforms"
    machine.spec["bring"][0]["link"] = str(link)
    machine.stage.bring(machine.spec)
    assert _texts(link) == _texts(machine.source)
    link.unlink()
    assert not machine.stage.look(machine.spec)["is_whole"]
    machine.stage.bring(machine.spec)
    assert link.is_symlink()
    machine.stage.forget()
    assert not os.path.lexists(link)
    assert not machine.stage.root.exists()


def test_a_path_that_somebody_else_has_is_refused_and_left(machine: Machine) -> None:
    link = machine.top / "waveforms"
    link.mkdir()
    machine.spec["bring"][0]["link"] = str(link)
    with pytest.raises(Refused, match=f"{link}: is there already"):
        machine.stage.bring(machine.spec)
    assert not list(link.iterdir())


@pytest.mark.parametrize("what", ["absent", "a file", "with a pipe", "a loop"])
def test_a_source_that_cannot_be_copied_is_named(machine: Machine, what: str) -> None:
    other = machine.top / "other"
    if what == "a file":
        other.write_text("")
    elif what != "absent":
        other.mkdir()
        if what == "with a pipe":
            os.mkfifo(other / "pipe")
        else:
            (other / "loop").symlink_to("..")
            (machine.top / "again").symlink_to("other")
    machine.spec["bring"][0]["source"] = str(other)
    with pytest.raises(Refused, match=str(other)):
        machine.stage.look(machine.spec)


def test_a_disk_without_room_is_refused_before_anything_is_copied(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = shutil.disk_usage("/")._replace(free=3)
    monkeypatch.setattr("mspass_stack.agent.stage.shutil.disk_usage", {place: full for place in _above(machine)}.get)
    with pytest.raises(Refused, match=r"GiB are to be brought, and it is on .* has 0\.0 GiB left"):
        machine.stage.bring(machine.spec)
    assert machine.copied == 0


def test_a_link_among_results_comes_back_as_what_it_leads_to(machine: Machine) -> None:
    machine.stage.bring(machine.spec)
    machine.result("a", "one")
    (machine.stage.root / "out/results/link").symlink_to("a")
    (machine.stage.root / "out/results/nothing").symlink_to("gone")
    machine.stage.give_back(leave=True)
    assert machine.results() == {"a": "one", "link": "one"}
    machine.stage.give_back()
    machine.stage.forget()
    assert not machine.stage.root.exists()


def test_a_result_that_somebody_writes_meanwhile_is_not_removed(machine: Machine) -> None:
    machine.stage.bring(machine.spec)
    machine.result("a", "one")
    writes = Stage(machine.stage.root, lambda size: machine.result("a", "one, and more"))
    with pytest.raises(Refused, match="results/a: it was written while it was brought back"):
        writes.give_back()
    machine.stage.give_back()
    assert machine.results() == {"a": "one, and more"}


def test_results_that_were_given_up_hinder_nobody(machine: Machine) -> None:
    machine.stage.bring(machine.spec)
    machine.result("a", "one")
    shutil.rmtree(machine.stage.root / "out")
    assert machine.stage.give_back() == 0
