"""A lock that one node holds must hold on the others: else data on that file system are not opened."""

import errno
import fcntl
import os
from pathlib import Path

import pytest

from mspass_stack.agent import shared_lock
from mspass_stack.agent.errors import Refused


def _granted(descriptor: int, how: int) -> None:
    """A file system that locks on each node apart."""


def test_a_lock_that_another_process_holds_is_refused(tmp_path: Path) -> None:
    with shared_lock.held(tmp_path / "lock"):
        child = os.fork()
        if not child:
            os._exit(bool(shared_lock.trouble(tmp_path / "lock")))
        assert os.waitpid(child, 0)[1] == 0


def test_data_on_a_file_system_whose_locks_end_at_a_node_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lock").touch()
    monkeypatch.setattr(fcntl, "lockf", _granted)
    assert "is granted here too: the data are not opened" in shared_lock.trouble(tmp_path / "lock")


def test_a_file_system_without_locks_is_told_on_both_sides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(descriptor: int, how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    (tmp_path / "lock").touch()
    monkeypatch.setattr(fcntl, "lockf", unknown)
    assert "takes no lock here ([Errno " in shared_lock.trouble(tmp_path / "lock")
    with pytest.raises(Refused, match="No locks available"), shared_lock.held(tmp_path / "lock"):
        pass
