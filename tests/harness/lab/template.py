"""An image's layers as an engine keeps them, for all hosts of a lab to share: filled once from another engine."""

import os
import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests.harness import image as test_image
from tests.harness.engine import TestEngine
from tests.harness.lab import cache, tree
from tests.harness.lab.claim import Claim
from tests.harness.lab.command import LabError
from tests.harness.lab.host import Host
from tests.harness.lab.network import LAB

KIND = "template"


def ensure(image: str) -> Path:
    """The template of an image; where the cache has none, the engine at DOCKER_HOST must have the image.

    Raises:
        LabError: it does not.
    """
    return cache.ensure(KIND, image.encode(), lambda directory: _fill(directory, image))


def ensure_test_image() -> str:
    """A template of the test image, built in an engine of its own where none answers; the image's name."""
    image = test_image.name()
    directory = cache.directory(KIND, image.encode())
    if directory.exists():
        return image
    with Claim(directory), _engine():
        test_image.ensure()
        ensure(image)
    return image


def share(template: Path, docker: Path) -> None:
    """What an engine knows of the template's layers, in a new data folder; their files are bound where it starts."""
    (docker / "overlay2").mkdir(parents=True)
    shutil.copytree(template / "image", docker / "image", symlinks=True)
    for layer in (template / "overlay2").iterdir():
        left_out = shutil.ignore_patterns("diff") if layer.name != "l" else None
        shutil.copytree(layer, docker / "overlay2" / layer.name, symlinks=True, ignore=left_out)
        if left_out:
            (docker / "overlay2" / layer.name / "diff").mkdir()


def _fill(directory: Path, image: str) -> None:
    """Load the image into the engine of a host without a cable, and keep what that engine made of it."""
    LAB.remove_host(KIND)
    LAB.add_space(KIND)
    host = Host(KIND, directory / "host")
    try:
        host.prepare(tree.ensure())
        host.boot()
        host.await_engine()
        _load(host, image)
        host.stop_engine()
    finally:
        host.cut_power()
    for name in ("image", "overlay2"):
        (host.docker_data / name).rename(directory / name)
    shutil.rmtree(host.directory)


def _load(host: Host, image: str) -> None:
    with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as saving:
        loaded = subprocess.run(host.inside("docker", "load", "--quiet"), stdin=saving.stdout, capture_output=True)
        output = saving.stderr.read() if saving.stderr else b""
    if saving.returncode or loaded.returncode:
        raise LabError(f"docker save | docker load of {image}:\n{(output + loaded.stderr).decode(errors='replace')}")


@contextmanager
def _engine() -> Generator[None]:
    """An engine of this machine that DOCKER_HOST names, only as long as it is needed."""
    before = os.environ.get("DOCKER_HOST")
    engine = TestEngine()
    os.environ["DOCKER_HOST"] = engine.address
    try:
        yield
    finally:
        engine.close()
        del os.environ["DOCKER_HOST"]
        if before is not None:
            os.environ["DOCKER_HOST"] = before
