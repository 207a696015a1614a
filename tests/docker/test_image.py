"""The image of a stack: pulled with its progress in sight, pinned once, looked into before anything starts."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from mspass_stack.provider.registry import RESOURCES
from mspass_stack.provider.resource import Call, Refused
from mspass_stack.provider.waiting import wait_until
from tests.docker.looks import docker
from tests.harness import image
from tests.harness.engine import TestEngine
from tests.harness.ports import free_ports

IMAGE = RESOURCES["ContainerImage"]

CONFIG = """\
version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}/blobs}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


@pytest.fixture
def repository(engine: TestEngine, tmp_path: Path) -> Iterator[str]:
    """A registry of our own with an image of 20 MB, which the engine does not have; its name without a tag."""
    port = free_ports(1)[0]
    config = tmp_path / "registry.yml"
    config.write_text(CONFIG.format(folder=tmp_path, port=port))
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


def _push(name: str, folder: Path, content: bytes) -> None:
    (folder / "content").write_bytes(content)
    archive = folder / "image.tar"
    subprocess.run(["tar", "-C", folder, "-cf", archive, "content"], check=True)
    docker("import", str(archive), name)
    docker("push", "--quiet", name)
    docker("rmi", "--force", name)


def _call(engine: TestEngine, home: Path, name: str, **needs: Any) -> tuple[Call, list[str]]:
    said: list[str] = []
    inputs: dict[str, Any] = {"stack": "test", "stackId": "0123", "host": "here", "engine": engine.address}
    inputs |= {"image": name, "home": str(home), "needs": {"programs": [], "modules": {}} | needs}
    return Call("image", inputs, say=lambda severity, text: said.append(text)), said


def test_a_tag_is_pulled_in_sight_and_pinned_by_its_digest(engine: TestEngine, repository: str, tmp_path: Path) -> None:
    call, said = _call(engine, tmp_path, f"{repository}:1")
    pinned = IMAGE.create(call)[1]["pinned"]
    assert pinned.startswith(f"{repository}@sha256:")
    assert any(line.startswith("downloading") and line.endswith("of 20 MB") for line in said), said
    _push(f"{repository}:1", tmp_path, b"another image under the same tag")
    assert IMAGE.diff(Call("image", call.inputs, old_inputs=call.inputs, outputs={"pinned": pinned})) == []


def test_an_image_that_can_be_had_nowhere_is_told_with_its_path(engine: TestEngine, repository: str) -> None:
    call, _ = _call(engine, Path("/nowhere"), f"{repository}:2")
    with pytest.raises(Refused, match=rf"mspass:cluster\.image: {repository}:2: .*"):
        IMAGE.create(call)


def test_an_image_of_the_engine_alone_is_pinned_by_its_id(engine: TestEngine, tmp_path: Path) -> None:
    before = docker("ps", "--all", "--quiet")
    call, said = _call(engine, tmp_path, image.name(), programs=["mongod"], modules={"python3": ["distributed"]})
    assert IMAGE.create(call)[1]["pinned"] == docker("images", "--quiet", "--no-trunc", image.name()).strip()
    assert said == []
    # The engine itself removes what has ended, a moment later.
    assert wait_until(lambda: docker("ps", "--all", "--quiet") == before, 20), "what was tried out leaves nothing"


def test_all_that_an_image_lacks_is_told_at_once(engine: TestEngine, tmp_path: Path) -> None:
    modules = {"python3": ["distributed", "no_such_module"], "python9": ["distributed"]}
    call, _ = _call(engine, tmp_path, image.name(), programs=["no-such-program"], modules=modules)
    with pytest.raises(Refused) as refused:
        IMAGE.create(call)
    lines = str(refused.value).splitlines()
    assert [line.partition(f"{image.name()}: ")[2].partition(":")[0] for line in lines] == [
        "no-such-program does not run in it",
        "its python3 lacks no_such_module",
        "python9 does not run in it",
    ]
