"""`Desktop`: the desktop stack under Pulumi, in a copy of the project."""

import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from socket import create_server
from typing import Any

import yaml
from program import PROJECT, STACK, Program

FILES = {"dask": "desktop", "spark": "desktop-spark"}
"""The stack file of each kind of scheduler."""


def stack_config(directory: Path, choice: Mapping[str, str], scheduler: str = "dask") -> dict[str, Any]:
    """Return a desktop stack's config, on free ports and in directories of its own.

    Args:
        choice: its `runtime`, and the `image` of containers.
    """
    file = PROJECT / "stacks" / f"Pulumi.{FILES[scheduler]}.yaml"
    output = yaml.safe_load(file.read_text())["config"]["mspass:cluster"]
    pool = output["pool"]
    with ExitStack() as stack:
        held = [stack.enter_context(create_server(("127.0.0.1", 0))) for _ in range(6)]
        output["database"]["port"], pool["port"], pool["dashboard"], output["frontend"]["port"], *workers = (
            server.getsockname()[1] for server in held
        )
    if scheduler == "spark":
        pool["spark"] = dict(zip(("workerPort", "workerDashboard"), workers, strict=True))
    return {**output, **choice, "datadir": str(directory / "stack"), "workdir": str(directory / "work")}


class Desktop(Program):
    """The stack of a config, as a user has it.

    Args:
        directory: of the copy; it is made.
    """

    def __init__(self, config: Mapping[str, Any], directory: Path) -> None:
        self._datadir = Path(config["datadir"])
        (directory / "stacks").mkdir(parents=True)
        for name in ("Pulumi.yaml", "__main__.py"):
            shutil.copy2(PROJECT / name, directory)
        shutil.copytree(PROJECT / "mspass_stack", directory / "mspass_stack")
        (directory / ".venv").symlink_to(PROJECT / ".venv")
        text = yaml.safe_dump({"config": {"mspass:cluster": dict(config)}})
        (directory / "stacks" / f"Pulumi.{STACK}.yaml").write_text(text)
        super().__init__(directory)

    def clear(self) -> None:
        """Remove what a destroyed stack leaves: the data."""
        shutil.rmtree(self._datadir, ignore_errors=True)

    def clean(self) -> None:
        """End what an interrupted round has left."""
        self.cancel()
        self.destroy()
        self.clear()
