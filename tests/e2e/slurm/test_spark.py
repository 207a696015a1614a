"""Spark in a Slurm job: the manual's five nodes, whose database speaks TLS alone."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from mspass_stack.polling import wait_until
from tests.e2e.clients import expect_line
from tests.e2e.spark import CACHED, HELD, alive, ends_with, expect_said
from tests.harness.lab.command import LabError
from tests.harness.project import Project
from tests.harness.slurm import SlurmCluster
from tests.harness.slurm_stack import SlurmStack

PAGE = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8080/json/', timeout=10).read().decode())"

FRAME = """\
from pyspark.sql import SparkSession
session = SparkSession.builder.getOrCreate()
place = {"database": "frames", "collection": "numbers"}
session.range(10).write.format("mongodb").mode("append").options(**place).save()
print("sum", session.read.format("mongodb").options(**place).load().selectExpr("sum(id)").first()[0])
session.stop()
"""

MASTER, WORKER = "deploy.master.Master", "deploy.worker.Worker"


class SparkJob(SlurmStack):
    """The five nodes, with Spark in the place of Dask; what workers have is what their nodes have."""

    def __init__(self, project: Project, on: SlurmCluster) -> None:
        super().__init__(project, on, name="spark")
        self.cluster["pool"] |= {"scheduler": "spark", "spark": {"connector": True}}
        for workers in self.cluster["pool"]["workers"].values():
            del workers["processes"]
        self.write()

    def master(self) -> dict[str, Any]:
        """What the master shows on its node."""
        return json.loads(self.on.as_user(self.node("node0"), "python3", "-c", PAGE))

    def alive(self) -> set[str]:
        """The addresses of the workers that the master has, none while it is away."""
        with suppress(LabError):
            return {*alive(self.master())}
        return set()

    def address(self, host: str) -> str:
        """By which Spark knows a host."""
        (entry,) = [one for one in self.outputs()["inventory"]["processes"] if one["name"] == f"spark-worker-{host}"]
        return str(entry["address"])


@pytest.fixture(scope="module")
def stack(project: Project, slurm: SlurmCluster) -> Iterator[SparkJob]:
    stack = SparkJob(project, slurm)
    stack.up()
    yield stack
    stack.cancel()


def test_it_comes_up_verifies_and_stays_as_it_is(stack: SparkJob) -> None:
    stack.expect_unchanged()
    ran = stack.verify()
    assert ran.returncode == 0, ran.stdout


def test_a_frame_goes_through_the_connector_and_comes_back(stack: SparkJob, tmp_path: Path) -> None:
    script = tmp_path / "frame.py"
    script.write_text(FRAME)
    ran = stack.ask("run", str(script))
    expect_said(ran.returncode, ran.stdout, "sum 45")
    with stack.database() as client:
        assert client["frames"]["numbers"].count_documents({}) == 10


def test_its_secret_is_in_no_command_line_of_a_node(stack: SparkJob, slurm: SlurmCluster) -> None:
    file = f"{stack.directory}/secrets/spark-daemon/spark-defaults.conf"
    lines = slurm.as_user("login", "cat", file).splitlines()
    (secret,) = [line.split()[1] for line in lines if line.startswith("spark.authenticate.secret")]
    for name in slurm.names:
        assert secret not in slurm.execute(name, "ps", "-eo", "args")


def test_master_and_worker_are_killed_and_an_application_ends_right(
    stack: SparkJob, slurm: SlurmCluster, tmp_path: Path
) -> None:
    script, go, places = tmp_path / "held.py", f"{stack.directory}/scratch/go", (("node0", MASTER), ("node4", WORKER))
    script.write_text(HELD)
    with stack.asked("run", str(script), go) as running:
        # The nodes have one disk.
        assert wait_until(lambda: slurm.as_user("login", "ls", f"{go}.begun", check=False), 120)
        killed: dict[str, int] = {}
        for host, pattern in places:
            (killed[host],) = slurm.processes(stack.node(host), pattern)
            slurm.execute(stack.node(host), "kill", "-KILL", str(killed[host]))
        for host, pattern in places:
            assert wait_until(
                lambda host=host, pattern=pattern: {*slurm.processes(stack.node(host), pattern)} - {killed[host]}, 120
            )
        assert wait_until(lambda: len(stack.alive()) == 3, 120), stack.master()
        slurm.as_user("login", "touch", go)
        ends_with(running, "sum 780")
    stack.up()
    stack.expect_unchanged()


def test_a_worker_that_leaves_hands_on_what_it_holds(stack: SparkJob, slurm: SlurmCluster, tmp_path: Path) -> None:
    script, go, before = tmp_path / "cached.py", f"{stack.directory}/scratch/moved", stack.runs()
    script.write_text(CACHED)
    with stack.asked("run", str(script), go) as running:
        expect_line(running, "ready " + " ".join(sorted(stack.node(f"node{number}") for number in (2, 3, 4))))
        leaving = stack.address("node4")
        workers = stack.cluster["pool"]["workers"]
        kept = workers.copy()
        (own,) = workers.values()
        stack.cluster["pool"]["workers"] = {"node[2-3]": own}
        stack.write()
        stack.up()
        assert leaving not in stack.alive()
        slurm.as_user("login", "touch", go)
        ends_with(running, "sum 276 computed 24")
    assert {name for name in before.keys() | stack.runs().keys() if before.get(name) != stack.runs().get(name)} == {
        "spark-worker-node4"
    }
    stack.cluster["pool"]["workers"] = kept
    stack.write()


def test_the_next_job_begins_without_workers_and_applications_of_the_former(
    stack: SparkJob, slurm: SlurmCluster
) -> None:
    slurm.as_user("login", "scancel", "--signal=KILL", stack.job())
    assert wait_until(lambda: not stack.jobs(), 60)
    stack.up()
    shown = stack.master()
    assert {one["state"] for one in shown["workers"]} == {"ALIVE"}
    assert len(shown["workers"]) == 3
    assert not shown["activeapps"]


def test_destroy_leaves_nothing_that_runs(stack: SparkJob, slurm: SlurmCluster) -> None:
    stack.destroy()
    assert not stack.jobs()
    for name in slurm.names:
        assert not slurm.processes(name, "org.apache.spark|squashfuse")
