"""The login host of a Slurm cluster is looked at before anything is written or submitted; Slurm is a double."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mspass_stack.errors import Refused
from mspass_stack.machines.local import LocalMachine
from mspass_stack.machines.slurm_login import SlurmLogin
from mspass_stack.provider.preflight import login_facts
from mspass_stack.provider.preflight.login_facts import purged_part
from mspass_stack.provider.server.registry import RESOURCES
from mspass_stack.spec.apptainer import image_path
from mspass_stack.spec.connection import ConnectionSpec
from mspass_stack.spec.job import JobSpec, job_comment, job_name
from mspass_stack.spec.topology import NODES
from tests.harness.slurm_double import SlurmDouble
from tests.provider.conftest import STACK_ID, Host

PREFLIGHT = RESOURCES["Preflight"]

JOB: dict[str, Any] = {
    "nodes": 2,
    "time": "10:00",
    "seconds": 600,
    "directives": ("--nodes=2", "--time=10:00", "--requeue"),
    "lead": 60,
    "queue_wait": 5,
    "domain": "hpc",
}


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SlurmDouble:
    double = SlurmDouble(tmp_path / "slurm")
    monkeypatch.setenv("PATH", f"{double.bin}:{os.environ['PATH']}")
    return double


@pytest.fixture
def image(tmp_path: Path) -> Path:
    image = tmp_path / "mspass.sif"
    image.touch()
    return image


def _check(host: Host, image: Path | str, **job: Any) -> dict[str, Any]:
    requirements: dict[str, Any] = {
        "stackDir": str(host.stack_dir),
        "workdir": str(host.stack_dir.parent / "work"),
        "runtime": "apptainer",
        "image": str(image),
        "address": "",
        "peers": [],
        "ports": {},
        "processes": ["frontend"],
        "memory": {},
        "programs": ["no-such-program"],
        "python": "python3",
        "modules": ["no_such_module"],
        "versions": [],
        "mongodb": False,
    }
    connection = ConnectionSpec(host="node0", job=str(host.stack_dir)).dump()
    inputs: dict[str, Any] = {
        "hosts": {NODES: requirements},
        "connections": {NODES: connection},
        "shards": {},
        "documents": {},
        "abandoned": [],
        "job": JobSpec.model_validate(JOB | job).dump(),
    }
    return PREFLIGHT.create(host.call(inputs))[1]


def _refusal(host: Host, image: Path | str, **job: Any) -> list[str]:
    with pytest.raises(Refused) as refused:
        _check(host, image, **job)
    first, *problems = str(refused.value).splitlines()
    assert first == "nothing was started:"
    return [problem.removeprefix("  the login host: ") for problem in problems]


def test_slurms_estimate_is_said_and_nothing_is_written_or_submitted(
    host: Host, slurm: SlurmDouble, image: Path
) -> None:
    _check(host, image)
    assert host.output == [
        "info: Slurm takes the job (2 nodes x 10:00): Job 4711 to start at 2026-11-27T12:15:46 a using 8 processors on "
        "nodes n[1-2]"
    ]
    assert (slurm.jobs, list(host.stack_dir.iterdir())) == ([], [])


def test_a_stack_that_has_a_job_needs_no_estimate(host: Host, slurm: SlurmDouble, image: Path) -> None:
    named = f"--job-name={job_name('test', STACK_ID)}", f"--comment={job_comment(STACK_ID, str(host.stack_dir))}"
    subprocess.run(["sbatch", *named, "--time=10:00", "--nodes=2"], check=True)
    _check(host, image)
    assert host.output == []
    slurm.set("4711", state="TIMEOUT")
    _check(host, image)
    assert len(host.output) == 1


def test_slurms_refusal_and_a_missing_image_are_in_one_table(host: Host, slurm: SlurmDouble, image: Path) -> None:
    slurm.refuse("Invalid account or account/partition combination specified")
    image.unlink()
    assert _refusal(host, image) == [
        f"mspass:cluster.image: {image} is not there",
        "mspass:cluster.slurm: sbatch refuses: Invalid account or account/partition combination specified",
    ]
    assert list(host.stack_dir.iterdir()) == []


def test_an_image_that_is_to_be_built_is_announced_until_it_is_there(host: Host, slurm: SlurmDouble) -> None:
    uri = "docker://registry.example.org/mspass:v1"
    _check(host, uri, runtime=("sh",))
    assert f"info: the image is built on it before the job is submitted: {uri}" in host.output
    _check(host, uri, runtime=("no-apptainer",))
    assert host.output[2].startswith("info: the image is built by a job of one node, as it has no Apptainer, before")
    host.output.clear()
    path = Path(image_path(uri, str(host.stack_dir)))
    path.parent.mkdir()
    path.touch()
    _check(host, uri)
    assert not [line for line in host.output if "built" in line]


def test_an_archive_that_an_image_is_to_be_built_from_must_be_there(
    host: Host, slurm: SlurmDouble, tmp_path: Path
) -> None:
    archive = tmp_path / "mspass.tar"
    assert _refusal(host, f"docker-archive:{archive}") == [f"mspass:cluster.image: {archive} is not there"]
    archive.touch()
    _check(host, f"docker-archive:{archive}")


def test_a_host_without_slurms_commands_is_no_login_host(host: Host, slurm: SlurmDouble, image: Path) -> None:
    for name in ("squeue", "srun"):
        (slurm.bin / name).unlink()
    (problem,) = _refusal(host, image)
    assert problem.startswith("mspass:cluster.slurm.login: it has no squeue, srun on the PATH of a login: ")


def test_a_disk_that_takes_no_byte_more_is_refused(
    host: Host, slurm: SlurmDouble, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # /dev/full is what a full disk is to whoever writes.
    full = login_facts.TRIAL.replace('of="$trial/0"', "of=/dev/full").replace(" conv=fsync", "")
    monkeypatch.setattr(login_facts, "TRIAL", full)
    (problem,) = _refusal(host, image)
    assert f"cannot write 1 MiB in ten files in {host.stack_dir} (No space left on device): make room" in problem
    assert list(host.stack_dir.iterdir()) == []


def test_a_datadir_on_a_file_system_that_is_purged_is_warned_about(host: Host, slurm: SlurmDouble, image: Path) -> None:
    place = str(host.stack_dir.parent)
    _check(host, image, purged=("/scratch", place))
    warning, _ = host.output
    assert warning.startswith(f"warning: the login host removes files on {place} that nobody has used for a while")


@pytest.mark.parametrize(
    ("paths", "place"),
    [
        (["/scratch/me/x"], "/scratch"),
        (["/scratch"], "/scratch"),
        (["/scratch2/me"], ""),
        (["/work/me/link", "/fast/a/me"], "/fast/a/"),
    ],
)
def test_a_file_system_is_known_by_whole_names_and_behind_links(paths: list[str], place: str) -> None:
    assert purged_part(paths, ["/scratch", "/fast/a/"]) == place


def test_pythons_that_are_too_old_are_named_and_one_that_is_new_enough_is_enough() -> None:
    old = login_facts.parse("Welcome to python country today\npath /scratch\npython python3 3.6.8 False\n")
    assert old.old == {"python3": "3.6.8"}
    assert login_facts.parse("path /scratch\n").old == {"python3": "none"}
    new = login_facts.parse("python python3 3.6.8 False\npython python3.11 3.11.7 True\npath /a b\n")
    assert (new.old, new.path) == ({}, "/a b")


def test_an_old_python_is_told_with_the_module_to_load(
    host: Host, slurm: SlurmDouble, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mspass_stack.machines.local import LocalMachine
    from mspass_stack.provider.preflight import login_check

    (slurm.bin / "python3").write_text(f"#!/bin/sh\nexec {sys.executable} -c \"print('3.6.8 False')\"\n")
    (slurm.bin / "python3").chmod(0o755)
    monkeypatch.setattr(login_facts, "NEWER", ())
    monkeypatch.setattr(login_facts, "LOGIN", 'exec sh -c "$AGENT"')
    monkeypatch.setattr(LocalMachine, "remote", True)
    assert login_check.LoginCheck.who == "the login host"
    (problem,) = _refusal(host, image)
    assert problem.startswith("no Python 3.8 or newer (python3 is 3.6.8): ")
    assert "module load python" in problem


@pytest.mark.parametrize(
    ("has", "count", "refused"), [("N/A", 1, True), ("gres/gpu:1", 2, True), ("gres/gpu:2", 2, False)]
)
def test_more_accelerators_than_the_job_that_runs_has_are_refused(
    has: str, count: int, refused: bool, host: Host, slurm: SlurmDouble, image: Path
) -> None:
    id = SlurmLogin(LocalMachine()).submit(
        [f"--job-name={job_name('test', STACK_ID)}", "--comment=x", "--time=10:00", "--nodes=2"]
    )
    slurm.set(id, state="RUNNING", gres=has)
    (host.stack_dir / "run").mkdir(parents=True)
    (host.stack_dir / "run" / "allocation.json").write_text(
        json.dumps({"job": id, "restart": 0, "nodes": {"node0": {}, "node1": {}}})
    )
    asked = {"directives": (*JOB["directives"], f"--gres=gpu:{count}")}
    if not refused:
        _check(host, image, **asked)
        return
    with pytest.raises(Refused, match=f"pool.workers: gpus: {count}: job {id} has {0 if has == 'N/A' else 1} of each"):
        _check(host, image, **asked)
