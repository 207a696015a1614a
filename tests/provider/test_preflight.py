"""What would make a start fail is told before anything is touched, all at once."""

import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from mspass_stack.provider import executables
from mspass_stack.provider.registry import RESOURCES
from mspass_stack.provider.resource import Refused
from tests.harness.ports import free_ports
from tests.provider.conftest import STACK_ID, Host


def _asked(host: Host, **changes: Any) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "home": str(host.home),
        "workdir": str(host.home.parent / "work"),
        "ports": {},
        "memory": {},
        "programs": [],
        "modules": {},
        "engine": "",
    }
    return {"hosts": {"here": asked | changes}, "abandoned": []}


def _refusal(host: Host, **changes: Any) -> str:
    with pytest.raises(Refused) as refused:
        RESOURCES["Preflight"].create(host.call(_asked(host, **changes)))
    return str(refused.value)


def test_nothing_wrong_passes(host: Host) -> None:
    path = "mspass:cluster.database.port"
    asked = _asked(host, ports={str(free_ports(1)[0]): path}, programs=["mongod"], modules={sys.executable: ["dask"]})
    RESOURCES["Preflight"].create(host.call(asked))
    assert not (host.home / "run").exists()


def test_a_held_port_is_told_with_its_yaml_path_and_its_holder(host: Host) -> None:
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        port = stranger.getsockname()[1]
        said = _refusal(host, ports={str(port): "mspass:cluster.frontend.port"})
    assert f"host 'here': mspass:cluster.frontend.port: port {port} is held by" in said


def test_all_problems_are_in_one_table(host: Host) -> None:
    said = _refusal(
        host,
        memory={"mspass:cluster.pool.workers.here.memory": 2**50},
        programs=["no-such-program"],
        modules={sys.executable: ["no_such_module"], "/no/python": ["dask"]},
    )
    assert "mspass:cluster.pool.workers.here.memory 1048576.0 GiB: more than the machine's" in said
    assert "'no-such-program' is not on PATH" in said
    assert f"mspass:cluster.python: {sys.executable} lacks no_such_module" in said
    assert "mspass:cluster.python: /no/python is not an executable" in said


def test_a_folder_of_another_stack_is_refused_with_its_name(host: Host) -> None:
    (host.home / ".mspass-stack").write_text("theirs 999999999999\n")
    assert "belongs to stack 'theirs'" in _refusal(host)
    (host.home / ".mspass-stack").write_text(f"test {STACK_ID}\n")
    RESOURCES["Preflight"].create(host.call(_asked(host)))


def test_a_folder_that_holds_other_things_is_refused(host: Host) -> None:
    (host.home / "thesis.tex").touch()
    assert "holds what is not ours (thesis.tex)" in _refusal(host)
    assert f"{host.home / 'thesis.tex'} is not a folder" in _refusal(host, home=str(host.home / "thesis.tex"))


def test_a_workdir_beside_the_secrets_is_refused(host: Host) -> None:
    assert "beside its secrets" in _refusal(host, workdir=str(host.home / "work"))


@pytest.mark.parametrize("python", ["/bin/ls", "/usr/bin/yes", "/usr", "python3"])
def test_what_is_no_python_is_refused_as_such(host: Host, python: str) -> None:
    said = _refusal(host, modules={python: ["dask"]})
    assert f"mspass:cluster.python: {python} " in said
    assert "as a Python does" in said or "expected the absolute path of a Python" in said


def test_data_of_a_newer_mongodb_are_not_opened(host: Host) -> None:
    (host.home / "db-version").write_text("8.0\n")
    assert "are of MongoDB 8.0" in _refusal(host, programs=["mongod"])


def test_a_folder_that_supervisord_cannot_use_is_refused(host: Host) -> None:
    assert "with a % in its path" in _refusal(host, home=str(host.home / "100%"))
    assert "too long for a Unix socket" in _refusal(host, home=str(host.home / ("x" * 90)))


def test_a_program_that_does_not_run_is_told_with_the_package_of_its_missing_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "mongod"
    program.write_text(
        "#!/bin/sh\necho 'error while loading shared libraries: libcurl.so.4: not found' >&2\nexit 127\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(Refused, match="sudo apt-get install libcurl4"):
        executables.check("mongod")
