"""Fixtures of the tests under an engine in memory."""

from pathlib import Path

import pytest
from own_program import Deploy, deployer


@pytest.fixture
def deploy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deploy:
    return deployer(tmp_path, monkeypatch)
