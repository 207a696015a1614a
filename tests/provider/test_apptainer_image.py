"""The image of a job is built once, where there is Apptainer; Slurm and Apptainer are doubles."""

import hashlib
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from mspass_stack.errors import InitFailed, Refused
from mspass_stack.polling import wait_until
from mspass_stack.provider.resources import apptainer_image
from mspass_stack.provider.resources.base import Call
from mspass_stack.provider.server.registry import RESOURCES
from mspass_stack.spec.apptainer import image_path
from mspass_stack.spec.connection import ConnectionSpec
from tests.harness.slurm_double import SlurmDouble
from tests.provider.conftest import STACK_ID
from tests.provider.test_login_check import JOB

IMAGE = RESOURCES["ApptainerImage"]
URI = "docker://registry.example.org/mspass:v1"

APPTAINER = """\
#!/bin/sh
if [ "$2" = --help ]; then echo '--mksquashfs-args string'; exit; fi
[ "$2 $3" = '--mksquashfs-args -mem 512M -processors 4 -comp gzip -Xcompression-level 1' ] || exit 3
shift 3
set -- build "$@"
echo "$*" >> "${0%/*}/calls"
echo "cache $APPTAINER_CACHEDIR tmp $APPTAINER_TMPDIR" >> "${0%/*}/calls"
echo 'INFO:    Starting build...' >&2
while [ -e "${0%/*}/waits" ]; do sleep 0.1; done
if [ -e "${0%/*}/refuses" ]; then echo 'FATAL:   no such image' >&2; exit 255; fi
echo "made of $3" > "$2"
"""
"""A double: builds at once, or when it need not wait any more."""


class Place:
    """A stack's directory, with Apptainer beside it."""

    def __init__(self, directory: Path, slurm: SlurmDouble) -> None:
        self.slurm, self.directory, self.said = slurm, directory / "stack", list[str]()
        self.directory.mkdir()
        self.tools = directory / "tools"
        self.tools.mkdir()
        self.apptainer = self.tools / "apptainer"
        self.apptainer.write_text(APPTAINER)
        self.apptainer.chmod(0o755)
        self.job = JOB | {"directives": ["--nodes=2", "--time=10:00", "--requeue", "--account=mine"]}

    @property
    def path(self) -> Path:
        return Path(image_path(URI, str(self.directory)))

    @property
    def work(self) -> Path:
        return Path(f"{self.path}.work")

    @property
    def builds(self) -> list[str]:
        calls = self.tools / "calls"
        return [line for line in calls.read_text().splitlines() if line.startswith("build ")] if calls.exists() else []

    def call(self, image: str = URI, **more: Any) -> Call:
        connection = ConnectionSpec(host="node0", job=str(self.directory)).dump()
        inputs = {"stack": "test", "stackId": STACK_ID, "connection": connection, "stackDir": str(self.directory)}
        asked = {**self.job, "runtime": [str(self.apptainer)]}
        known = {**inputs, "image": image, "asked": asked}
        return Call("image", known, say=lambda severity, text: self.said.append(f"{severity}: {text}"), **more)

    def create(self, image: str = URI) -> dict[str, Any]:
        return IMAGE.create(self.call(image))[1]

    def read(self, outputs: dict[str, Any], image: str = URI) -> dict[str, Any]:
        found = IMAGE.read(self.call(image, outputs=outputs))
        assert found is not None
        return found

    def run_job(self, state: str = "COMPLETED") -> None:
        """Do what the job that waits would do."""
        (job,) = self.slurm.jobs
        output = next(word.removeprefix("--output=") for word in job["words"] if word.startswith("--output="))
        with Path(output).open("w") as log:
            subprocess.run(["bash", job["words"][-1]], stdout=log, stderr=log, check=False)
        self.slurm.set(job["id"], state=state)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    double = SlurmDouble(tmp_path / "slurm")
    monkeypatch.setenv("PATH", f"{double.bin}:{os.environ['PATH']}")
    monkeypatch.setattr(apptainer_image, "LAG", 0.5)
    monkeypatch.setattr(apptainer_image, "PAUSE", 0.1)
    place = Place(tmp_path, double)
    yield place
    (place.tools / "waits").unlink(missing_ok=True)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_it_is_built_once_on_the_login_host_with_all_that_it_needs_in_the_datadir(place: Place) -> None:
    outputs = place.create()
    assert place.path.read_text() == f"made of {URI}\n"
    assert outputs["pinned"] == f"{place.path}@sha256:{_digest(place.path)}"
    assert Path(f"{place.path}.sha256").read_text() == f"{_digest(place.path)}  {place.path.name}\n"
    calls = (place.tools / "calls").read_text()
    assert f"cache {place.work}/cache tmp {place.work}/tmp" in calls
    assert sorted(path.name for path in place.path.parent.iterdir()) == [place.path.name, f"{place.path.name}.sha256"]
    assert place.create() == outputs
    assert len(place.builds) == 1
    assert not place.slurm.jobs


def test_a_second_up_changes_nothing_and_a_preview_builds_nothing(place: Place) -> None:
    assert IMAGE.create(place.call(preview=True))[1] == {}
    assert not place.path.parent.exists()
    outputs = place.create()
    assert place.read(outputs) == outputs
    same = place.call(outputs=outputs, old_inputs=place.call().inputs, preview=True)
    assert IMAGE.diff(same) == []
    assert IMAGE.create(same)[1] == outputs


def test_an_image_that_is_gone_is_built_again(place: Place) -> None:
    outputs = place.create()
    place.path.unlink()
    found = place.read(outputs)
    assert found["pinned"] == ""
    assert IMAGE.diff(place.call(outputs=found, old_inputs=place.call().inputs)) == ["pinned"]
    place.create()
    assert place.path.exists()


def test_what_it_says_last_is_shown_and_an_up_that_is_killed_leaves_a_build_that_the_next_one_waits_for(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place.tools / "waits").touch()
    monkeypatch.setattr(apptainer_image, "LIMIT", 2.0)
    with pytest.raises(Refused, match="no end within"):
        place.create()
    assert "status: image: INFO:    Starting build..." in place.said
    assert not place.path.exists()
    (place.tools / "waits").unlink()
    place.create()
    assert len(place.builds) == 1


def test_a_build_that_was_killed_begins_anew(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    (place.tools / "waits").touch()
    monkeypatch.setattr(apptainer_image, "LIMIT", 1.0)
    with pytest.raises(Refused, match="no end within"):
        place.create()
    _, pid = (place.work / "pid").read_text().split()
    os.killpg(int(pid), 9)
    (place.tools / "waits").unlink()
    place.create()
    assert len(place.builds) == 2
    assert not place.work.exists()


def test_a_build_that_fails_is_told_in_its_words_with_the_two_lines_to_type_elsewhere(place: Place) -> None:
    (place.tools / "refuses").touch()
    with pytest.raises(Refused) as refused:
        place.create()
    text = str(refused.value)
    assert text.startswith(f"mspass:cluster.image: {URI}: it was not built here: ")
    assert "FATAL:   no such image" in text
    *_, build, copy = text.splitlines()
    assert build == f"  apptainer build {place.path.name} {URI}"
    assert re.fullmatch(rf"  scp {place.path.name} \S+:{place.path}", copy)
    place.path.write_text("built elsewhere")
    assert place.create()["pinned"].endswith(_digest(place.path))


def test_without_apptainer_on_the_login_host_a_job_of_one_node_builds_it(place: Place) -> None:
    away = place.tools / "away"
    place.apptainer.rename(away)
    place.job["queue_wait"] = 1
    with pytest.raises(InitFailed) as waits:
        place.create()
    assert "job 4711, which builds the image, waits: Priority, estimated start N/A; pulumi up" in str(waits.value)
    (job,) = place.slurm.jobs
    assert {"--nodes=1", "--time=10", "--account=mine"} <= {*job["words"]}
    assert not {"--nodes=2", "--requeue", "--time=10:00"} & {*job["words"]}
    away.rename(place.apptainer)
    place.run_job()
    assert place.create()["pinned"].endswith(_digest(place.path))
    assert len(place.slurm.jobs) == len(place.builds) == 1


def test_nodes_that_lack_it_too_say_so(place: Place) -> None:
    place.apptainer.unlink()
    job = Thread(target=lambda: wait_until(lambda: place.slurm.jobs, 30) and place.run_job("FAILED"))
    job.start()
    with pytest.raises(
        Refused, match=r"not built here: there is no \S+/apptainer: say in the profile \(prelude\) which"
    ):
        place.create()
    job.join()


def test_a_job_that_slurm_refuses_names_the_two_lines_too(place: Place) -> None:
    place.apptainer.unlink()
    place.slurm.refuse("Invalid account")
    with pytest.raises(Refused, match=r"not built here: sbatch refuses: Invalid account\n(.*\n)+  scp "):
        place.create()


def test_a_file_of_the_users_is_pinned_and_another_one_in_its_place_is_seen(place: Place, tmp_path: Path) -> None:
    own = tmp_path / "own.sif"
    own.write_text("one")
    outputs = place.create(str(own))
    assert outputs["pinned"] == f"{own}@sha256:{_digest(own)}"
    assert place.read(outputs, str(own)) == outputs
    own.write_text("another")
    assert place.read(outputs, str(own))["pinned"] == ""
    assert not place.builds
    assert place.create(str(tmp_path))["pinned"] == str(tmp_path)


def test_what_is_forgotten_ends_its_job_and_keeps_the_image(place: Place) -> None:
    outputs = place.create()
    IMAGE.delete(place.call(outputs=outputs))
    assert place.path.exists()
    place.path.unlink()
    place.apptainer.unlink()
    place.job["queue_wait"] = 1
    with pytest.raises(InitFailed):
        place.create()
    IMAGE.delete(place.call())
    assert [job["state"] for job in place.slurm.jobs] == ["CANCELLED"]
    assert not place.work.exists()
