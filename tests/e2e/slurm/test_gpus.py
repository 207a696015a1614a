"""Workers with accelerators, as far as a machine without any can tell: Slurm counts files that are /dev/null."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mspass_stack.polling import wait_until
from tests.harness.project import Project
from tests.harness.slurm import SlurmCluster
from tests.harness.slurm_stack import SlurmStack

CONFIG = {
    "database": {"db": "node0", "cache": "256MiB"},
    "pool": {"host": "node0", "workers": {"node0": {"processes": 1, "memory": "256MiB", "gpus": 1}}},
    "frontend": {"host": "node0"},
}

WORK = """\
import glob, json, os
from distributed import Client

def seen():
    return [glob.glob("/dev/nvidia[0-9]*"), os.environ.get("CUDA_VISIBLE_DEVICES")]

with Client(os.environ["DASK_SCHEDULER_ADDRESS"]) as client:
    print(json.dumps({"worker": client.submit(seen, pure=False).result(), "frontend": seen()}))
"""


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmCluster]:
    """One node with two."""
    cluster = SlurmCluster(tmp_path_factory.mktemp("slurm"), 1, gpus=2)
    try:
        cluster.up()
        yield cluster
    finally:
        cluster.close()


@pytest.fixture(scope="module")
def stack(project: Project, slurm: SlurmCluster) -> Iterator[SlurmStack]:
    stack = SlurmStack(project, slurm, name="gpus", slurm={"nodes": 1}, config=CONFIG)
    yield stack
    stack.cancel()


def _asked(slurm: SlurmCluster, what: str, id: str) -> list[str]:
    """Return what Slurm says of a job or of its steps, as words."""
    return slurm.as_user("login", "scontrol", "--oneliner", "show", what, id).splitlines()


def test_the_step_of_workers_has_what_the_job_asks_for_and_no_other_step_has(
    stack: SlurmStack, slurm: SlurmCluster, tmp_path: Path
) -> None:
    stack.up()
    (job,) = _asked(slurm, "job", stack.job())
    assert "TresPerNode=gres/gpu:1" in job
    having = [line for line in _asked(slurm, "step", stack.job()) if "gres/gpu=1" in line or "gpu:1" in line]
    assert [line for line in having if "Name=worker-node0 " in line] == having
    assert len(having) == 1
    (tmp_path / "work.py").write_text(WORK)
    ran = stack.ask("run", str(tmp_path / "work.py"))
    assert ran.returncode == 0, ran.stdout
    seen = json.loads(ran.stdout.splitlines()[-1])
    assert sorted(seen["worker"][0]) == ["/dev/nvidia0", "/dev/nvidia1"]
    assert seen["worker"][1] == "0"
    assert seen["frontend"] == [[], None]
    assert f"{stack.counted()} unchanged" in stack.up()


def test_a_node_without_one_starts_nothing_and_is_named(stack: SlurmStack, slurm: SlurmCluster) -> None:
    slurm.as_user("login", "scancel", "--signal=USR1", "--batch", stack.job())
    assert wait_until(lambda: not stack.jobs(), 60, 0.5), stack.log()
    slurm.execute("n1", "sh", "-c", "rm /dev/nvidia*")
    said = stack.refused_up()
    assert "node0 (n1): mspass:cluster.pool.workers.node0.gpus: nvidia: there is no /dev/nvidia[0-9]*" in said
    stack.destroy()
