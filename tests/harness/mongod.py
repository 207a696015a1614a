"""MongoDB's programs for the tests: those on PATH, else the embedded mongod and the double of mongos."""

import os
import shutil
import sys
from pathlib import Path

from mspass_stack.managers.mongod import embedded_mongod

DOUBLE = Path(__file__).with_name("mongos.py")


def mongod_path() -> str:
    """Return the path of a genuine mongod."""
    return shutil.which("mongod") or embedded_mongod("mongod")


def mongos_on_path(directory: Path, path: str) -> str:
    """Return a PATH that leads to a mongos: a genuine one, else the double, put into a directory."""
    if shutil.which("mongos", path=path):
        return path
    directory.mkdir(exist_ok=True)
    program = directory / "mongos"
    _, *lines = DOUBLE.read_text().splitlines(keepends=True)
    program.write_text("".join([f"#!{sys.executable}\n", *lines]))
    program.chmod(0o755)
    return f"{directory}{os.pathsep}{path}"
