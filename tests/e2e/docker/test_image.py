"""The image of a stack: pulled with its progress in sight, pinned once, looked into before anything starts."""

import os
import re
import subprocess
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import pytest

from mspass_stack.errors import Refused
from mspass_stack.polling import wait_until
from mspass_stack.provider.resources.base import Call
from mspass_stack.provider.server.registry import RESOURCES
from mspass_stack.spec.connection import ConnectionSpec
from tests.e2e.docker.client import docker
from tests.harness import image
from tests.harness.engine import TestEngine
from tests.harness.ports import free_ports

IMAGE = RESOURCES["ContainerImage"]

CONFIG = """\
version: 0.1
storage: {{filesystem: {{rootdirectory: {directory}/blobs}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


@pytest.fixture
def repository(engine: TestEngine, tmp_path: Path) -> Iterator[str]:
    """A registry of our own with an image of over 20 MB, which the engine does not have; its name without a tag."""
    port = free_ports(1)[0]
    config = tmp_path / "registry.yml"
    config.write_text(CONFIG.format(directory=tmp_path, port=port))
    with (tmp_path / "log").open("w") as log:
        registry = subprocess.Popen(["docker-registry", "serve", config], stdout=log, stderr=log)
    repository = f"127.0.0.1:{port}/lab/mspass"
    try:
        assert wait_until(lambda: _answers(port), 20), (tmp_path / "log").read_text()
        _push(f"{repository}:1", tmp_path, os.urandom(20_000_000))
        yield repository
    finally:
        registry.terminate()
        registry.wait(20)
        for left in docker("images", "--quiet", repository).split():
            docker("rmi", "--force", left)


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/v2/").is_success
    except httpx.HTTPError:
        return False


def _push(name: str, directory: Path, content: bytes) -> None:
    """Push an image of a shell and a content, and forget it."""
    (directory / "content").write_bytes(content)
    archive = directory / "image.tar"
    shell = ["tar", "--dereference", "-C", "/", "-cf", archive, *_with_libraries("bin/sh", "bin/readlink", "bin/cat")]
    subprocess.run([*shell, "-C", directory, "content"], check=True)
    docker("import", str(archive), name)
    docker("push", "--quiet", name)
    docker("rmi", "--force", name)


def _with_libraries(*programs: str) -> list[str]:
    """Return files of this machine, relative to its root: programs and what they are linked with."""
    linked = subprocess.run(["ldd", *programs], cwd="/", capture_output=True, text=True, check=True).stdout
    return [*programs, *sorted({path.lstrip("/") for path in re.findall(r"(/\S+) \(", linked)})]


def _call(engine: TestEngine, stack_dir: Path, name: str, **needs: Any) -> tuple[Call, list[str]]:
    output: list[str] = []
    inputs: dict[str, Any] = {"stack": "test", "stackId": "0123", "host": "here", "image": name}
    inputs |= {"connection": ConnectionSpec(host="here", engine=engine.address).dump(), "stackDir": str(stack_dir)}
    inputs |= {"programs": [], "python": "", "modules": [], "distributions": []} | needs
    return Call("image", inputs, say=lambda severity, text: output.append(text)), output


def test_a_tag_is_pulled_in_sight_and_pinned_by_its_digest(engine: TestEngine, repository: str, tmp_path: Path) -> None:
    call, output = _call(engine, tmp_path, f"{repository}:1")
    pinned = IMAGE.create(call)[1]["pinned"]
    assert pinned.startswith(f"{repository}@sha256:")
    assert any(re.fullmatch(r"downloading .* of \d+ MB", line) for line in output), output
    _push(f"{repository}:1", tmp_path, b"another image under the same tag")
    assert IMAGE.diff(Call("image", call.inputs, old_inputs=call.inputs, outputs={"pinned": pinned})) == []


def test_an_image_that_can_be_had_nowhere_is_reported_with_its_path(engine: TestEngine, repository: str) -> None:
    call, _ = _call(engine, Path("/nowhere"), f"{repository}:2")
    with pytest.raises(Refused, match=rf"mspass:cluster\.image: {repository}:2: .*"):
        IMAGE.create(call)


def test_an_image_of_the_engine_alone_is_pinned_by_its_id(engine: TestEngine, tmp_path: Path) -> None:
    before = docker("ps", "--all", "--quiet")
    call, output = _call(engine, tmp_path, image.name(), programs=["mongod"], python="python3", modules=["distributed"])
    assert IMAGE.create(call)[1]["pinned"] == docker("images", "--quiet", "--no-trunc", image.name()).strip()
    assert output == []
    # The engine itself removes what has ended, a moment later.
    assert wait_until(lambda: docker("ps", "--all", "--quiet") == before, 20), "what was tried out leaves nothing"


def test_all_that_an_image_lacks_is_reported_at_once(engine: TestEngine, tmp_path: Path) -> None:
    needs: dict[str, Any] = {"programs": ["no-such-program"], "python": "python3"}
    call, _ = _call(engine, tmp_path, image.name(), **needs, modules=["distributed", "no_such_module"])
    with pytest.raises(Refused) as refused:
        IMAGE.create(call)
    lines = str(refused.value).splitlines()
    assert [line.partition(f"{image.name()}: ")[2].partition(":")[0] for line in lines] == [
        "no-such-program does not run in it",
        "its python3 lacks no_such_module",
    ]


def test_the_versions_that_other_hosts_must_have_too_are_known(engine: TestEngine, tmp_path: Path) -> None:
    needs: dict[str, Any] = {"python": "python3", "modules": ["distributed"], "distributions": ["distributed"]}
    call, _ = _call(engine, tmp_path, image.name(), **needs)
    versions = IMAGE.create(call)[1]["versions"]
    assert versions == {"python": "3.11", "distributed": version("distributed")}
