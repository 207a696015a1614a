"""What a job runs with nobody logged in: once, with its results, and the nodes given back."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from mspass_stack.polling import wait_until
from tests.harness.lab.command import LabError
from tests.harness.project import Project, is_unchanged
from tests.harness.slurm import SlurmCluster
from tests.harness.slurm_stack import SlurmStack

WORK = """\
import os
from distributed import Client
from pymongo import MongoClient
kept = MongoClient(os.environ["MSPASS_DB_ADDRESS"])["mspass"]["kept"]
with Client(os.environ["DASK_SCHEDULER_ADDRESS"]) as client:
    kept.insert_many({"_id": n} for n in client.gather(client.map(lambda n: n, range(50))))
print("kept", kept.count_documents({}))
"""

FAILS = """\
import os, sys, time
with open(sys.argv[1], "a") as runs:
    runs.write("ran\\n")
while os.path.exists(sys.argv[1] + ".hold"):
    time.sleep(1)
raise RuntimeError("no such station")
"""

RUNS = "/scratch/mspass/work/runs.txt"
"""The file in which the script that fails counts its runs."""


@pytest.fixture(scope="module")
def nodes() -> int:
    return 2


def _notebook(path: Path, source: str) -> None:
    cell: dict[str, Any] = {
        "cell_type": "code",
        "source": source,
        "metadata": {},
        "outputs": [],
        "execution_count": None,
    }
    path.write_text(json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}))


@pytest.fixture(scope="module")
def stack(project: Project, slurm: SlurmCluster) -> Iterator[SlurmStack]:
    _notebook(project.path / "work.ipynb", WORK)
    (project.path / "fails.py").write_text(FAILS)
    config = {
        "database": {"db": "node0", "cache": "256MiB"},
        "pool": {"host": "node0", "workers": {"node1": {"processes": 2, "memory": "256MiB"}}},
        "frontend": {"host": "node0"},
        "batch": {"run": "work.ipynb", "startWait": "3m"},
    }
    stack = SlurmStack(project, slurm, name="night", slurm={"nodes": 2, "queueWait": "3s"}, config=config)
    yield stack
    stack.cancel()


def _end(stack: SlurmStack) -> dict[str, Any]:
    """Return how the last job ended, once none is there any more."""
    assert wait_until(lambda: not stack.jobs(), 150, 0.5), stack.log()
    return json.loads(stack.on.as_user("login", "cat", f"{stack.directory}/run/end.json"))


def _exit(stack: SlurmStack, job: str) -> str:
    return stack.on.as_user("login", "squeue", "-h", "--states=all", "-j", job, "-O", "State,exit_code").strip()


def test_a_notebook_runs_once_the_queue_moves_with_nobody_there(stack: SlurmStack, slurm: SlurmCluster) -> None:
    for name in slurm.names:
        slurm.drain(name)
    try:
        said = stack.refused_up()
        job = stack.job()
        assert f"job {job} waits: " in said
    finally:
        for name in slurm.names:
            with suppress(LabError):
                slurm.resume(name)
    end = _end(stack)
    assert (end["job"], end["state"], end["exit"]) == (job, "COMPLETED", 0), stack.log()
    assert _exit(stack, job).split() == ["COMPLETED", "0:0"]
    (result,) = slurm.as_user("login", "sh", "-c", "ls /scratch/mspass/work/runs/batch-*/work.ipynb").split()
    assert "kept 50" in slurm.as_user("login", "cat", result)
    said = stack.up()
    assert not stack.jobs()
    assert "the batch run" not in said
    stack.expect_unchanged()
    assert not stack.jobs()
    batch = stack.outputs()["batch"]
    assert (batch["state"], batch["exit"]) == ("done", 0)
    assert "kept 50" in stack.ask("logs", "batch").stdout
    assert f"batch {batch['id']} done" in stack.ask("status").stdout


def _runs(slurm: SlurmCluster) -> list[str]:
    return slurm.as_user("login", "cat", RUNS, check=False).split()


def test_one_that_fails_fails_the_job_and_no_up_which_warns(stack: SlurmStack, slurm: SlurmCluster) -> None:
    stack.cluster["slurm"]["queueWait"] = "2m"
    stack.write()
    ran = stack.ask("run", "--batch", "fails.py", RUNS)
    assert ran.returncode == 0, ran.stdout
    end = _end(stack)
    assert (end["state"], end["exit"]) == ("FAILED", 1), stack.log()
    assert _exit(stack, end["job"]).split() == ["FAILED", "1:0"]
    said = stack.up()
    assert "the batch run has failed with exit status 1" in said
    assert "RuntimeError: no such station" in said
    assert is_unchanged(said)
    assert not stack.jobs()
    assert _runs(slurm) == ["ran"]


def test_another_again_runs_it_again_and_a_kill_of_its_step_does_not(stack: SlurmStack, slurm: SlurmCluster) -> None:
    slurm.as_user("login", "touch", f"{RUNS}.hold")
    stack.cluster["batch"] = {"run": "fails.py", "args": [RUNS], "then": "keep", "again": 1}
    stack.write()
    stack.up()
    job = stack.job()
    assert wait_until(lambda: _runs(slurm) == ["ran"] * 2, 60, 0.5), stack.log()
    lines = slurm.as_user("login", "squeue", "-h", "-s", "-j", job, "-o", "%i %j").splitlines()
    # Slurm calls the step of the job's own script so too.
    (step,) = {f"{job}.{line.split()[0].partition('.')[2]}" for line in lines if line.endswith(" batch")} - {
        f"{job}.batch"
    }
    slurm.as_user("login", "scancel", "--signal=KILL", step)
    assert wait_until(lambda: "failed with exit status 137" in stack.log(), 30, 0.5), stack.log()
    assert "the batch run has failed with exit status 137" in stack.up()
    assert stack.job() == job
    assert _runs(slurm) == ["ran"] * 2
    stack.destroy()
    assert not stack.jobs()
