"""A desktop whose pool is Spark's: the Java and the Spark of the project's own environment."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from mspass_stack.polling import wait_until
from mspass_stack.verify.strangers import without_secret
from tests.e2e.clients import documents, expect_line, mongo, write_documents
from tests.e2e.spark import COUNT, HELD, alive, ends_with, expect_said, secret_of
from tests.harness.ports import free_ports
from tests.harness.project import Project, Stack

MASTER, WORKER = "spark-master", "spark-worker-desktop"

EXECUTOR = "CoarseGrainedExecutorBackend"

MAINS = {
    MASTER: "org.apache.spark.deploy.master.Master",
    WORKER: "org.apache.spark.deploy.worker.Worker",
    "executor": EXECUTOR,
}
"""What is killed, and the class that it runs."""


FRAME = """\
import pathlib, sys, time
from pyspark.sql import SparkSession
session = SparkSession.builder.appName("frames").getOrCreate()
database = {"database": "spark_frames"}
found = session.read.format("mongodb").options(database="mspass", collection="arrival").load()
counted = found.groupBy((found.n % 2).alias("odd")).count()
counted.write.format("mongodb").mode("overwrite").options(**database, collection="parities").save()
again = session.read.format("mongodb").options(**database, collection="parities").load()
counts = [row["count"] for row in again.collect()]
print("ready", session.conf.get("spark.driver.port"), flush=True)
while not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.1)
print("counts", *counts)
session.stop()
"""


class SparkDesktop(Stack):
    """A desktop with Spark."""

    def __init__(self, project: Project, name: str = "spark", **config: Any) -> None:
        self.worker_ports = free_ports(2)
        spark = {"workerPort": self.worker_ports[0], "workerDashboard": self.worker_ports[1], "connector": True}
        workers = {"desktop": {"processes": 2, "memory": "1GiB"}}
        pool = {"scheduler": "spark", "host": "desktop", "workers": workers, "spark": spark}
        super().__init__(project, name, {"pool": pool, **config})

    def ports(self) -> list[int]:
        return [*super().ports(), *self.worker_ports]

    def comes_up(self) -> None:
        """It does so from nothing, verifies, and stays as it is."""
        self.up()
        self.expect_unchanged()
        assert {entry["name"] for entry in self.outputs()["inventory"]["processes"]} >= {MASTER, WORKER}
        ran = self.verify()
        assert ran.returncode == 0, ran.stdout

    def pid(self, process: str) -> int:
        return int((self.stack_dir / "run" / f"{process}.pid").read_text())

    def master(self) -> dict[str, Any]:
        """What the master's page says."""
        return json.loads(self.page(self.cluster["pool"]["dashboard"]))

    def page(self, port: int) -> str:
        return httpx.get(f"http://127.0.0.1:{port}/json/", trust_env=False, timeout=10).text

    def pids(self, main: str) -> list[int]:
        """Its Javas that run a class."""
        found: list[int] = []
        for process in self.project.processes():
            with suppress(psutil.NoSuchProcess):
                if process.name() == "java" and main in "\0".join(process.cmdline()):
                    found.append(process.pid)
        return found

    def listening(self, word: str) -> list[int]:
        """The ports of those."""
        pids = self.pids(word)
        known = psutil.net_connections("tcp")
        return [one.laddr.port for one in known if one.pid in pids and one.status == psutil.CONN_LISTEN and one.laddr]

    @contextmanager
    def application(self, directory: Path) -> "Generator[subprocess.Popen[str]]":
        """An application whose tasks have begun and wait for the file `go`."""
        script, begun = directory / "held.py", directory / "go.begun"
        script.write_text(HELD)
        with self.asked("run", str(script), str(directory / "go")) as running:
            assert wait_until(lambda: begun.exists() or running.poll() is not None, 120)
            assert running.poll() is None, running.communicate()[0]
            yield running


def _outside() -> set[str]:
    """What Javas of Spark may have left outside of a stack's directories."""
    names = ("liblz4-java-", "commons-crypto-", "libnetty", "spark-", "blockmgr-", "pyspark-")
    return {path.name for path in Path("/tmp").iterdir() if path.name.startswith(names)}


@pytest.fixture(scope="module")
def outside() -> set[str]:
    return _outside()


@pytest.fixture(scope="module")
def stack(project: Project, outside: set[str]) -> Iterator[SparkDesktop]:
    stack = SparkDesktop(project)
    yield stack
    stack.pulumi("destroy", "--yes", "--skip-preview")


def test_it_comes_up_verifies_and_stays_as_it_is(stack: SparkDesktop) -> None:
    stack.comes_up()
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
    expect_said(ran.returncode, ran.stdout, f"sum 499500 {stack.outputs()['schedulerAddress']}")


@dataclass(frozen=True)
class Work:
    """An application: the lines that it said, all that others are shown while and after it runs, its status
    meanwhile, in words and for programs, and what its driver and executor say to a stranger."""

    said: list[str]
    shown: list[str]
    status: tuple[str, str]
    refusals: list[str]


@pytest.fixture(scope="module")
def work(stack: SparkDesktop, tmp_path_factory: pytest.TempPathFactory) -> Work:
    folder = tmp_path_factory.mktemp("work")
    script, go = folder / "frame.py", folder / "go"
    script.write_text(FRAME)
    with stack.asked("run", str(script), str(go)) as running:
        driver = int(expect_line(running, "ready").split()[-1])
        refusals = [without_secret("127.0.0.1", port) for port in (driver, *stack.listening(EXECUTOR))]
        shown = ["\0".join(process.cmdline()) for process in stack.project.processes()]
        shown += [stack.page(port) for port in (stack.cluster["pool"]["dashboard"], stack.worker_ports[1])]
        status = stack.ask("status").stdout, stack.ask("status", "--json").stdout
        go.touch()
        said, _ = running.communicate(timeout=120)
    shown += [path.read_text() for path in (stack.stack_dir / "log").glob("*.log")]
    shown += [path.read_text() for path in (stack.stack_dir / "scratch" / "spark" / "work").rglob("std*")]
    return Work(said.splitlines(), shown, status, refusals)


def test_a_frame_is_read_aggregated_and_written_through_the_connector(stack: SparkDesktop, work: Work) -> None:
    assert "counts 50 50" in work.said
    with mongo(stack.outputs()["databaseUri"]) as client:
        assert client["spark_frames"]["parities"].count_documents({"count": 50}) == 2
        client.drop_database("spark_frames")


def test_no_secret_is_in_a_command_line_log_or_page(stack: SparkDesktop, work: Work) -> None:
    text = (stack.stack_dir / "secrets" / "spark-client" / "spark-defaults.conf").read_text()
    secret, password = secret_of(text), urlsplit(str(stack.outputs()["databaseUri"])).password or ""
    assert len(password) > 20
    assert password in text
    assert any(EXECUTOR in line for line in work.shown)
    assert not [line for line in work.shown if secret in line or password in line]


def test_status_says_who_holds_its_cores(stack: SparkDesktop, work: Work) -> None:
    words, known = work.status
    assert "Spark: 2 of 2 cores held by application 'frames' since " in words
    (application,) = json.loads(known)["pool"]["applications"]
    assert (application["name"], application["cores"]) == ("frames", 2)
    assert wait_until(lambda: "Spark: 0 of 2 cores held\n" in stack.ask("status").stdout, 30)


def test_a_stranger_without_the_secret_gets_nothing(stack: SparkDesktop, work: Work) -> None:
    declared = [without_secret("127.0.0.1", port) for port in (stack.cluster["pool"]["port"], stack.worker_ports[0])]
    # Master and worker, driver and executor.
    assert (declared, work.refusals) == ([""] * 2, [""] * 2)


@pytest.mark.parametrize("name", MAINS)
def test_what_is_killed_is_back_and_a_running_application_ends_right(
    name: str, stack: SparkDesktop, tmp_path: Path
) -> None:
    with stack.application(tmp_path) as running:
        (pid,) = stack.pids(MAINS[name])
        workers = alive(stack.master())
        os.kill(pid, signal.SIGKILL)

        def is_back() -> bool:
            with suppress(httpx.HTTPError):
                known = alive(stack.master())
                return bool(known) and (known != workers) == (name == WORKER) and _another(stack.pids(MAINS[name]), pid)
            return False

        assert wait_until(is_back, 60), stack.master()
        (tmp_path / "go").touch()
        ends_with(running, "sum 780")
    stack.up()
    stack.expect_unchanged()
    assert documents(stack) == 100


def _another(pids: list[int], pid: int) -> bool:
    return len(pids) == 1 and pids != [pid]


def test_a_killed_driver_leaves_no_executor_and_its_cores_are_free(stack: SparkDesktop, tmp_path: Path) -> None:
    with stack.application(tmp_path) as running:
        (driver,) = stack.pids("org.apache.spark.deploy.SparkSubmit")
        os.kill(driver, signal.SIGKILL)
        said, _ = running.communicate(timeout=60)
    assert running.returncode != 0, said
    assert wait_until(lambda: not stack.pids(EXECUTOR), 30)
    assert wait_until(lambda: "Spark: 0 of 2 cores held\n" in stack.ask("status").stdout, 30)


def test_a_worker_offers_what_its_entry_says_after_a_change(stack: SparkDesktop) -> None:
    stack.cluster["pool"]["workers"]["desktop"]["processes"] = 3
    stack.write()
    stack.up()
    assert [(one["cores"], one["memory"]) for one in stack.master()["workers"] if one["state"] == "ALIVE"] == [
        (3, 1024)
    ]


def _earthquakes(stack: SparkDesktop) -> list[str]:
    """What the example finds: its table of channels, and the events."""
    ran = stack.ask("run", "examples/waveforms.py")
    assert ran.returncode == 0, ran.stdout
    lines = ran.stdout.splitlines()
    found = lines[next(number for number, line in enumerate(lines) if line.startswith("channel ")) :]
    assert any(" UTC " in line for line in found)
    return found


@pytest.fixture(scope="module")
def other(project: Project) -> Iterator[SparkDesktop]:
    """A second one beside it: of a pool alone, so that programs run beside its worker."""
    stack = SparkDesktop(project, "other")
    del stack.cluster["frontend"], stack.cluster["database"]
    del stack.cluster["pool"]["spark"]["connector"]
    stack.write()
    yield stack
    stack.pulumi("destroy", "--yes", "--skip-preview")


def test_another_one_comes_up_beside_it_and_a_program_there_finds_its_own(other: SparkDesktop, tmp_path: Path) -> None:
    other.up()
    _counts(other, tmp_path)


def _counts(stack: SparkDesktop, directory: Path) -> None:
    script = directory / "count.py"
    script.write_text(COUNT)
    ran = stack.ask("run", str(script))
    found = f"sum 499500 spark://127.0.0.1:{stack.cluster['pool']['port']}"
    expect_said(ran.returncode, ran.stdout, found)


@pytest.fixture(scope="module")
def by_spark(stack: SparkDesktop) -> list[str]:
    """With the other one beside it."""
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
    stack.expect_unchanged()


def test_the_example_finds_the_same_by_dask(stack: SparkDesktop, by_spark: list[str]) -> None:
    assert _earthquakes(stack) == by_spark


def test_spark_of_another_stack_goes_on_beside_dask_and_its_destroy_leaves_that(
    stack: SparkDesktop, other: SparkDesktop, tmp_path: Path
) -> None:
    _counts(other, tmp_path)
    before = stack.runs()
    other.destroy()
    assert not other.pids("java")
    assert stack.ask("status").returncode == 0
    assert stack.runs() == before


def test_destroy_leaves_the_data_and_nothing_else(stack: SparkDesktop, outside: set[str]) -> None:
    stack.destroy()
    assert not [one for one in stack.project.processes() if "java" in one.name()]
    assert not (stack.stack_dir / "scratch" / "spark").exists()
    # After all that was killed above.
    assert _outside() <= outside
