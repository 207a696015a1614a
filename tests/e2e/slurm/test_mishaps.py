"""What goes wrong around a job: commands cut short, an image, files and steps that are not to be had. One node."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mspass_stack.polling import wait_until
from tests.harness.killed import killed_after
from tests.harness.project import Project
from tests.harness.slurm import SlurmCluster
from tests.harness.slurm_inserts import BY_ITSELF, inserting
from tests.harness.slurm_stack import SlurmStack

ALL = {
    "database": {"router": ["node0"], "shards": {"a": ["node0"]}, "cache": "256MiB"},
    "pool": {"host": "node0", "workers": {"node0": {"processes": 1, "memory": "256MiB"}}},
    "frontend": {"host": "node0"},
}

IMAGE = "/scratch/mspass.sif"

REVIVED = 150
"""Seconds for what was given up: a try each minute, and the start."""


@pytest.fixture(scope="module")
def nodes() -> int:
    return 1


@pytest.fixture(scope="module")
def stack(project: Project, slurm: SlurmCluster) -> Iterator[SlurmStack]:
    slurm.as_user("login", "cp", slurm.image, IMAGE)
    stack = SlurmStack(project, slurm, name="mishaps", slurm={"nodes": 1}, config={**ALL, "image": IMAGE})
    yield stack
    stack.cancel()


def _is_up(stack: SlurmStack) -> bool:
    return stack.ask("status").returncode == 0


def test_an_up_killed_after_any_step_converges_in_one_job(stack: SlurmStack) -> None:
    steps, jobs = 12, set[str]()
    while killed_after(stack, steps):
        assert stack.pulumi("cancel", "--yes").returncode == 0
        jobs |= {job.split()[0] for job in stack.jobs()}
        assert len(jobs) <= 1
        steps += 6
    stack.up()
    assert {stack.job()} >= jobs
    stack.expect_unchanged()


def test_of_two_at_once_one_is_told_of_the_other(stack: SlurmStack) -> None:
    job, said = stack.job(), list[str]()

    def run() -> None:
        said.append(stack.pulumi("up", "--yes", "--skip-preview").stdout)

    both = [threading.Thread(target=run) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    refused = [text for text in said if "currently locked" in text]
    assert len(refused) == 1, said
    assert stack.job() == job
    stack.expect_unchanged()


def test_an_image_that_is_gone_for_a_while_is_missed_by_what_starts_then(
    stack: SlurmStack, slurm: SlurmCluster
) -> None:
    job, node, pattern = stack.job(), stack.node("node0"), "^python3 .*dask.*worker-node0"
    slurm.as_user("login", "mv", IMAGE, f"{IMAGE}.away")
    try:
        for pid in slurm.processes(node, pattern):
            slurm.execute(node, "kill", "-KILL", str(pid))
        assert wait_until(lambda: "FATAL" in _said(stack, "supervisord"), BY_ITSELF, 1), _said(stack, "supervisord")
        refused = stack.refused_up()
        assert f"could not open image {IMAGE}" in refused, refused
        with inserting(stack, "image"):
            assert stack.job() == job
    finally:
        slurm.as_user("login", "mv", f"{IMAGE}.away", IMAGE)
    assert wait_until(lambda: _is_up(stack), REVIVED, 2), stack.log()
    assert stack.job() == job
    stack.up()


def test_a_database_comes_back_when_steps_are_to_be_had_again(stack: SlurmStack, slurm: SlurmCluster) -> None:
    job, node, pattern = stack.job(), stack.node("node0"), "^mongod .*--replSet a"
    before = _said(stack, "supervisord").count("entered FATAL")
    with inserting(stack, "steps"):
        slurm.kill_slurmctld()
        try:
            for pid in slurm.processes(node, pattern)[:1]:
                slurm.execute(node, "kill", "-KILL", str(pid))
            # Its srun hears of it, the next ones are refused, until none is tried any more.
            wait_until(lambda: _said(stack, "supervisord").count("entered FATAL") > before, BY_ITSELF, 1)
        finally:
            slurm.start_slurmctld()
        assert wait_until(lambda: slurm.processes(node, pattern), REVIVED, 1), stack.log()
    assert wait_until(lambda: _is_up(stack), REVIVED, 2), stack.log()
    assert stack.job() == job


def test_a_program_runs_beside_a_frontend_whose_step_was_killed(
    stack: SlurmStack, slurm: SlurmCluster, tmp_path: Path
) -> None:
    node, pattern = stack.node("node0"), "agent-.* step .* frontend"
    former = slurm.processes(node, pattern)
    for pid in former:
        slurm.execute(node, "kill", "-KILL", str(pid), check=False)
    assert wait_until(lambda: set(slurm.processes(node, pattern)) - {*former}, BY_ITSELF, 0.5), stack.log()
    assert wait_until(lambda: _is_up(stack), BY_ITSELF, 1), stack.log()
    script = tmp_path / "hello.py"
    script.write_text("print('beside')\n")
    ran = stack.ask("run", str(script))
    assert ran.returncode == 0, ran.stdout
    assert "beside" in ran.stdout


def test_a_program_ends_with_its_job_for_who_follows_it(stack: SlurmStack, slurm: SlurmCluster, tmp_path: Path) -> None:
    script = tmp_path / "long.py"
    script.write_text("import time\nprint('begun', flush=True)\ntime.sleep(3600)\n")
    with stack.asked("run", str(script)) as running:
        assert running.stdout
        assert any("begun" in line for line in iter(running.stdout.readline, ""))
        slurm.as_user("login", "scancel", "--signal=USR1", "--batch", stack.job())
        said, _ = running.communicate(timeout=BY_ITSELF)
    assert "has ended with the last one" in said
    assert running.returncode == 2
    assert wait_until(lambda: not stack.jobs(), 120, 1), stack.log()
    assert "SSL" not in stack.up()


def test_what_was_destroyed_comes_up_with_its_documents(stack: SlurmStack) -> None:
    with inserting(stack, "destroyed"):
        stack.destroy()
        stack.up()


def test_a_file_of_the_database_that_was_purged_is_named(stack: SlurmStack, slurm: SlurmCluster) -> None:
    former = stack.job()
    with inserting(stack, "purged"):
        slurm.as_user("login", "scancel", "--signal=USR1", "--batch", former)
        assert wait_until(lambda: not stack.jobs(), 120, 1), stack.log()
        found = slurm.as_user("login", "sh", "-c", f"ls {stack.directory}/data_shard_a*/collection-*.wt").split()
        slurm.as_user("login", "mv", found[0], "/scratch/purged")
        try:
            refused = stack.refused_up()
            assert f"files of the database that the last stop left are gone: {found[0]}: bring them back" in refused
        finally:
            slurm.as_user("login", "mv", "/scratch/purged", found[0])
        stack.up()


def _said(stack: SlurmStack, name: str) -> str:
    return stack.on.as_user("login", "cat", f"{stack.directory}/log/{name}.log", check=False)
