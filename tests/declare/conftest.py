"""The project's own program, run under the engine in memory."""

import json
import runpy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from mocked_engine import MARK, Run, run

PROJECT = Path(__file__).parents[2]

Deploy = Callable[..., Run]
"""`deploy(config, stack="desktop", preview=False)`: run `__main__.py` with these values of the namespace `mspass`."""


@pytest.fixture
def deploy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Deploy:
    monkeypatch.chdir(tmp_path)

    def deployed(config: Mapping[str, Any], stack: str = "desktop", preview: bool = False) -> Run:
        # As Pulumi's language host hands it over: objects as JSON, encrypted values in the clear.
        values = {key: MARK + key if isinstance(value, dict) and "secure" in value else value for key, value in config.items()}
        texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
        monkeypatch.setenv("PULUMI_CONFIG", json.dumps(texts))
        return run(lambda: runpy.run_path(str(PROJECT / "__main__.py"), run_name="__main__"), stack, preview)

    return deployed
