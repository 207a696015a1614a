"""`pytest tests/verify --stack NAME`, as it is typed in a clone: the suite itself is in the package."""

from pathlib import Path

import pytest

from mspass_stack.cli.verify import SUITE

HERE = Path(__file__).parent


def pytest_configure(config: pytest.Config) -> None:
    config.args = [str(SUITE) if Path(arg).resolve() == HERE else arg for arg in config.args]
