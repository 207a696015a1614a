"""What an ordered stop leaves has to be there at the next start."""

from pathlib import Path

import pytest

from mspass_stack.agent.errors import Refused
from mspass_stack.agent.kept_data import FILE, NAMED, KeptData


@pytest.fixture
def data(tmp_path: Path) -> Path:
    place = tmp_path / "db"
    (place / "journal").mkdir(parents=True)
    for name in ("WiredTiger", "collection-0.wt", "journal/log.1"):
        (place / name).write_text("x")
    return place


def test_what_is_all_there_is_taken_once(tmp_path: Path, data: Path) -> None:
    kept = KeptData(tmp_path)
    kept.take()  # of the first start, there is no list
    kept.note([str(data)])
    (data / "new").touch()  # more is nobody's loss
    kept.take()
    assert not (tmp_path / FILE).exists()
    (data / "WiredTiger").unlink()  # a job that was killed may leave what it likes
    kept.take()


def test_a_file_that_is_gone_is_named_until_it_is_back(tmp_path: Path, data: Path) -> None:
    kept = KeptData(tmp_path)
    kept.note([str(data)])
    (data / "journal/log.1").rename(tmp_path / "purged")
    for _ in range(2):
        with pytest.raises(Refused, match=rf"are gone: {data}/journal/log\.1: bring .* remove {tmp_path}/{FILE}"):
            kept.take()
    (tmp_path / "purged").rename(data / "journal/log.1")
    kept.take()


def test_of_many_some_are_named(tmp_path: Path, data: Path) -> None:
    for number in range(NAMED + 2):
        (data / f"index-{number}.wt").touch()
    kept = KeptData(tmp_path)
    kept.note([str(data)])
    for path in data.glob("index-*"):
        path.unlink()
    with pytest.raises(Refused, match=r"index-0\.wt, .* and 2 more: "):
        kept.take()
