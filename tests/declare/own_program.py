"""The project's own program, run under the engine in memory."""

import json
import runpy
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import pytest
from mocked_engine import MARK, Run, run

PROJECT = Path(__file__).parents[2]


class Deploy(Protocol):
    """Run `__main__.py` with a config as it stands in a stack file."""

    def __call__(self, config: Mapping[str, Any], stack: str = "desktop", preview: bool = False) -> Run: ...


def deployer(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Deploy:
    """Return a `Deploy` whose program runs in a directory of its own."""
    monkeypatch.chdir(directory)

    def deploy(config: Mapping[str, Any], stack: str = "desktop", preview: bool = False) -> Run:
        monkeypatch.setenv("PULUMI_CONFIG", json.dumps({key: _text(key, value) for key, value in config.items()}))
        return run(lambda: runpy.run_path(str(PROJECT / "__main__.py"), run_name="__main__"), stack, preview)

    return deploy


def _text(key: str, value: Any) -> str:
    """Return a value as Pulumi hands it over: an object as JSON, an encrypted one in the clear."""
    if isinstance(value, str):
        return value
    return MARK + key if "secure" in value else json.dumps(value)
