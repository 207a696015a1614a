"""One version for the whole database: whatever is killed in whatever moment, a version is whole and of one stop."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from killing import killed_at

from mspass_stack.agent import tree_copy
from mspass_stack.agent.data_step import NO_DATA
from mspass_stack.agent.errors import Refused
from mspass_stack.agent.store import CURRENT, KEPT, NOTHING, OPENED, Store

MEMBERS = ("data_config_node0", "data_shard_a_node1")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "node"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def _fill(data: Path, word: str) -> None:
    for member in MEMBERS:
        (data / member / "journal").mkdir(parents=True, exist_ok=True)
        for name in ("WiredTiger", "collection.wt", "journal/WiredTigerLog.1"):
            (data / member / name).write_text(f"{word} {member} {name}" * 9)
        (data / member / f"only-{word}").write_text(word)
        (data / member / "journal/WiredTigerPreplog.1").write_text("zeros")


def _keep(store: Store, data: Path, run: str, checkpoint: float = 0) -> dict[str, Any]:
    version = store.next
    members = {member: store.keep(version, member, data / member) for member in MEMBERS}
    return store.publish(version, run, members, checkpoint)


def _words(place: Path) -> str:
    """The word of all files in a directory."""
    found = {file.read_text().split()[0] for file in place.rglob("*") if file.is_file()}
    assert len(found) == 1, found
    return found.pop()


def _brought(store: Store, place: Path) -> str:
    """What the version that counts brings: the word of its run, the same for all members."""
    for member in MEMBERS:
        store.bring(store.current["version"], member, place / member)
    return _words(place)


def _every_kill(
    tmp_path: Path, step: Callable[[Path], object], before: Callable[[Path], object] = lambda place: None
) -> Iterator[Path]:
    """Yield a directory of its own for each moment in which a step was killed, until it was not."""
    for number in count():
        place = tmp_path / str(number)
        before(place)
        if not killed_at(number, place, lambda place=place: step(place)):
            assert number > 10
            return
        yield place


def test_a_version_is_kept_and_brought_without_files_of_zeros(store: Store, data: Path, tmp_path: Path) -> None:
    _fill(data, "one")
    assert store.next == "v1"
    assert _keep(store, data, "7.0")["members"].keys() == {*MEMBERS}
    assert (store.current["version"], store.current["run"]) == ("v1", "7.0")
    assert _brought(store, tmp_path / "other") == "one"
    assert not [*(tmp_path / "other").rglob("WiredTigerPreplog*")]


def test_before_the_first_version_a_server_begins_empty(store: Store, tmp_path: Path) -> None:
    assert store.bring(NOTHING, "db", tmp_path / "db") == 0
    assert not [*(tmp_path / "db").iterdir()]


def test_killed_in_any_moment_of_a_copy_back_the_version_is_that_of_one_stop(tmp_path: Path) -> None:
    def first(place: Path) -> None:
        _fill(place / "node", "one")
        _keep(Store(place), place / "node", "1.0")
        _fill(place / "node", "two")
        for member in MEMBERS:
            (place / "node" / member / "only-one").unlink()

    seen: set[str] = set()
    for place in _every_kill(tmp_path, lambda place: _keep(Store(place), place / "node", "2.0"), first):
        store = Store(place)
        word = _brought(store, place / "brought")
        assert store.current["run"] == {"one": "1.0", "two": "2.0"}[word]
        seen.add(word)
        # The next try goes on from there.
        _keep(store, place / "node", "2.0")
        assert _brought(store, place / "again") == "two"
    assert seen == {"one", "two"}


def test_killed_in_any_moment_of_a_copy_to_the_node_it_is_whole_after_the_next(tmp_path: Path) -> None:
    store, data = Store(tmp_path), tmp_path / "data"
    _fill(data, "one")
    _keep(store, data, "1.0")

    def bring(place: Path) -> None:
        store.bring("v1", MEMBERS[1], place / "data.partial")
        (place / "data.partial").rename(place / "data")

    for place in _every_kill(tmp_path, bring):
        assert not (place / "data").exists()
        bring(place)
        assert _words(place / "data") == "one"


def test_a_file_that_is_there_is_not_copied_again(store: Store, data: Path) -> None:
    _fill(data, "one")
    member = MEMBERS[0]
    store.keep("v1", member, data / member)
    files = [store.place / "v1" / member / name for name in ("WiredTiger", "collection.wt")]
    before = [file.stat() for file in files]
    (data / member / "collection.wt").write_text("two")
    store.keep("v1", member, data / member)
    after = [file.stat() for file in files]
    assert [new.st_mtime_ns == old.st_mtime_ns for new, old in zip(after, before, strict=True)] == [True, False]


def test_what_is_not_what_was_stored_is_not_brought(store: Store, data: Path, tmp_path: Path) -> None:
    _fill(data, "one")
    _keep(store, data, "1.0")
    file = store.place / "v1" / MEMBERS[0] / "collection.wt"
    file.write_text(file.read_text().replace("one", "0ne", 1))
    with pytest.raises(Refused, match=rf"{file} is not what was stored there: bring it back"):
        store.bring("v1", MEMBERS[0], tmp_path / "brought")


def test_a_version_that_is_named_and_gone_is_no_empty_database(store: Store, data: Path) -> None:
    _fill(data, "one")
    _keep(store, data, "1.0")
    (store.place / "v1/manifest.json").unlink()
    with pytest.raises(Refused, match=r"names 'v1', which cannot be read: .*: bring it back"):
        _ = store.current


def test_the_version_before_the_last_stays_too(store: Store, data: Path, tmp_path: Path) -> None:
    for number in range(1, 5):
        _fill(data, "same")
        _keep(store, data, f"{number}.0")
    assert sorted(place.name for place in store.place.glob("v*")) == ["v3", "v4"]
    assert KEPT == 2
    tree_copy.write_text(store.place / CURRENT, "v3\n")
    assert _brought(store, tmp_path / "former") == "same"


def test_what_goes_beyond_a_version_is_known_until_it_is_stored(store: Store, data: Path) -> None:
    assert store.opened == {}
    store.open("1.0", dict.fromkeys(MEMBERS, "n1"))
    assert (store.opened["run"], store.opened["base"], store.opened["members"][MEMBERS[0]]) == ("1.0", NOTHING, "n1")
    _fill(data, "one")
    _keep(store, data, "1.0")
    assert store.opened == {}
    store.open("2.0", dict.fromkeys(MEMBERS, "n2"))
    assert store.opened["base"] == "v1"
    assert (store.place / OPENED).exists()


def test_beyond_a_checkpoint_there_is_more_of_the_same_run_and_it_is_known_since_when(store: Store, data: Path) -> None:
    store.open("1.0", dict.fromkeys(MEMBERS, "n1"))
    _fill(data, "one")
    _keep(store, data, "1.0", checkpoint=100.0)
    assert store.current["when"] == 100.0
    assert (store.opened["run"], store.opened["base"], store.opened["when"]) == ("1.0", "v1", 100.0)
    assert store.opened["members"] == dict.fromkeys(MEMBERS, "n1")
    _keep(store, data, "1.0")
    assert store.opened == {}


def test_the_next_run_from_a_checkpoint_has_data_of_its_own_beyond_it(store: Store, data: Path) -> None:
    store.open("1.0", dict.fromkeys(MEMBERS, "n1"))
    _fill(data, "one")
    _keep(store, data, "1.0", checkpoint=100.0)
    store.open("2.0", dict.fromkeys(MEMBERS, "n2"))
    assert (store.opened["run"], store.opened["members"][MEMBERS[0]]) == ("2.0", "n2")
    assert store.opened["when"] > 100.0


def test_killed_in_any_moment_of_a_checkpoint_more_is_known_beyond_what_counts(tmp_path: Path) -> None:
    def first(place: Path) -> None:
        store = Store(place)
        _fill(place / "node", "one")
        _keep(store, place / "node", "1.0")
        store.open("2.0", dict.fromkeys(MEMBERS, "n1"))
        _fill(place / "node", "two")
        for member in MEMBERS:
            (place / "node" / member / "only-one").unlink()

    def step(place: Path) -> None:
        _keep(Store(place), place / "node", "2.0", checkpoint=100.0)

    seen: set[str] = set()
    for place in _every_kill(tmp_path, step, first):
        store = Store(place)
        word = _brought(store, place / "brought")
        assert (store.opened["run"], store.opened["base"]) == ("2.0", {"one": "v1", "two": "v2"}[word])
        assert (store.opened["when"] == 100.0) == (word == "two")
        seen.add(word)
    assert seen == {"one", "two"}


def test_what_servers_change_though_they_are_held_is_no_data(store: Store, data: Path) -> None:
    _fill(data, "one")
    member = MEMBERS[0]
    (data / member / "diagnostic.data").mkdir()
    for name in ("diagnostic.data/metrics.1", "mongod.lock"):
        (data / member / name).touch()
    store.keep("v1", member, data / member, NO_DATA)
    assert not {place.name for place in (store.place / "v1" / member).iterdir()} & {*NO_DATA}
