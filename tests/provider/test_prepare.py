"""A job prepares its database by a program of one file, in the image: here by a Python that has pymongo alone."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pymongo
import pytest

from mspass_stack.machines.bundle import ensure_bundle
from tests.provider.conftest import Host
from tests.provider.test_mongo import ROLES, Server

PACKAGES = Path(pymongo.__file__).parent.parent


@pytest.fixture
def server(host: Host) -> Server:
    return Server(host)


@pytest.fixture
def python(tmp_path: Path) -> list[str]:
    """A Python with nothing but the client."""
    bare = tmp_path / "packages"
    bare.mkdir()
    for name in ("pymongo", "bson", "gridfs", "dns"):
        (bare / name).symlink_to(PACKAGES / name)
    start = f"import runpy, sys; sys.path.insert(0, {str(bare)!r}); sys.argv.pop(0); "
    start += "runpy.run_path(sys.argv[0], run_name='__main__')"
    return [sys.executable, "-I", "-S", "-c", start]


def _prepared(python: list[str], place: Path, server: Server, key_file: Path | None = None) -> dict[str, Any]:
    place.mkdir(exist_ok=True)
    spec = {
        "key_file": str(key_file or server.key_file),
        "authority": "",
        "users": {"mspass": {"password": "word", "roles": ROLES}},
        "server": ["127.0.0.1", server.port],
    }
    (place / "spec.json").write_text(json.dumps(spec))
    (place / "asked.json").write_text(json.dumps({"job": "7", "restart": 0, "number": 1, "leaving": []}))
    program = place / "ensure.pyz"
    program.write_bytes(ensure_bundle())
    ran = subprocess.run([*python, program, place], capture_output=True, text=True)
    answer: dict[str, Any] = json.loads((place / "answer.json").read_text())
    assert ran.returncode == (1 if answer["error"] else 0), ran.stderr
    return answer


def test_its_user_logs_in_and_a_second_time_changes_nothing(server: Server, python: list[str], tmp_path: Path) -> None:
    first = _prepared(python, tmp_path / "ensure", server)
    assert first["error"] == ""
    assert first["found"] == {"present": {"mspass": sorted(ROLES)}}
    assert (first["job"], first["number"]) == ("7", 1)
    with server.client("mspass", "word") as client:
        client["a"]["b"].insert_one({})
    assert _prepared(python, tmp_path / "ensure", server) == first


def test_what_is_wrong_is_its_answer(server: Server, python: list[str], tmp_path: Path) -> None:
    answer = _prepared(python, tmp_path / "ensure", server, tmp_path / "nothing")
    assert "No such file" in answer["error"]
