"""What a job runs by itself: asked for with its YAML path, named by what it is, and run once."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from mspass_stack.agent import batch as runner
from mspass_stack.agent import gate
from mspass_stack.agent.batch import NOT_STARTED, Batch
from mspass_stack.agent.batch_run import BatchRun
from mspass_stack.agent.step import CANNOT_START
from mspass_stack.config.load import read_cluster
from mspass_stack.errors import ConfigError
from mspass_stack.plan import make_plan
from mspass_stack.spec.batch import BatchSpec

HPC: dict[str, Any] = {
    "slurm": {"nodes": 3, "time": "1:00:00"},
    "workdir": "/scratch/me/work",
    "datadir": "/scratch/me/mspass",
    "database": {"db": "node0"},
    "pool": {"host": "node0", "workers": {"node1": {}, "node2": {"processes": 2}}},
    "frontend": {"host": "node0"},
}

LAB: dict[str, Any] = {"hosts": {"a": {}}, "frontend": {"host": "a"}}

WRONG: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "nothing to run": (HPC, {}, "batch.run: required"),
    "another kind": (HPC, {"run": "work.sh"}, "batch.run: 'work.sh': expected a path that ends in .ipynb or .py"),
    "no name": (HPC, {"run": "a/.py/"}, "batch.run: 'a/.py/': expected a path that ends in .ipynb or .py"),
    "no file": (HPC, {"run": "gone.py"}, "batch.run: 'gone.py': No such file or directory"),
    "a directory": (HPC, {"run": "folder.py"}, "batch.run: 'folder.py': Is a directory"),
    "no job": (LAB, {"run": "work.py"}, "batch: expected slurm beside it"),
    "no place": (
        {key: value for key, value in HPC.items() if key not in ("pool", "frontend")},
        {"run": "work.py"},
        "batch: expected a frontend or a pool",
    ),
    "arguments of a notebook": (HPC, {"run": "work.ipynb", "args": ["5"]}, "batch.args: expected none"),
    "an argument that is a number": (HPC, {"run": "work.py", "args": [5]}, "batch.args[0]: 5: expected a text"),
    "an end of another kind": (
        HPC,
        {"run": "work.py", "then": "wait"},
        "batch.then: 'wait': expected 'stop' or 'keep'",
    ),
    "again below zero": (HPC, {"run": "work.py", "again": -1}, "batch.again: -1: expected a number, or onRestart"),
    "again by a boolean": (HPC, {"run": "work.py", "again": True}, "batch.again: True: "),
    "again in another word": (HPC, {"run": "work.py", "again": "yes"}, "batch.again: 'yes': expected a number, or"),
    "no wait": (HPC, {"run": "work.py", "startWait": 5}, "batch.startWait: 5: expected a duration"),
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "work.py").write_text("print(1)")
    (tmp_path / "work.ipynb").write_text("{}")
    (tmp_path / "folder.py").mkdir()
    return tmp_path


def _asked(project: Path, **batch: Any) -> BatchSpec:
    plan = make_plan(read_cluster({**HPC, "batch": {"run": "work.py", **batch}}), "night", {}, project, "python3")
    assert plan.batch
    return plan.batch


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_run_is_refused_with_its_yaml_path(case: str, project: Path) -> None:
    cluster, batch, expected = WRONG[case]
    with pytest.raises(ConfigError) as refused:
        make_plan(read_cluster({**cluster, "batch": batch}), "night", {}, project, "python3")
    assert f"mspass:cluster.{expected}" in str(refused.value)


def test_a_run_is_another_one_by_file_arguments_and_again_and_by_nothing_else(project: Path) -> None:
    first = _asked(project)
    assert _asked(project, then="keep", startWait="1h", again="onRestart").id == first.id
    others = [_asked(project, args=["a"]), _asked(project, again=1), _asked(project, run="work.ipynb")]
    (project / "work.py").write_text("print(2)")
    others.append(_asked(project))
    assert len({first.id, *(other.id for other in others)}) == 5


def test_it_runs_beside_jupyter_from_a_copy_in_the_workdir_and_waits_for_all_workers(project: Path) -> None:
    asked = _asked(project, args=["a b"])
    assert asked.beside.name == "frontend"
    assert asked.argv == ("python3", f"/scratch/me/work/runs/batch-{asked.id}/work.py", "a b")
    assert asked.gate["host"] == "node0"
    assert [worker[:2] for worker in asked.gate["workers"]] == [["worker-node1", 0], ["worker-node2", 2]]


class Job:
    """A job of the stack of a directory, whose steps are commands of the test."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.directory, self.place, self.said = directory, directory / "run/batch", list[str]()
        self.place.mkdir(parents=True)
        (directory / "log").mkdir()
        self.commands: dict[str, str] = {}
        monkeypatch.setattr(runner.slurm, "own", self._own)
        monkeypatch.setattr(runner.slurm, "step", _step)
        (directory / "run/job.json").write_text('{"launcher": []}')
        self.ask()

    def _own(self, word: str, *words: str) -> list[str]:
        return [sys.executable, "-c", self.commands.get(word, "")]

    def ask(self, id: str = "x", **more: Any) -> None:
        known: dict[str, Any] = {
            "id": id,
            "host": "node0",
            "then": "stop",
            "onRestart": False,
            "startWait": 60,
            "gate": {},
        }
        (self.place / "asked.json").write_text(json.dumps({**known, **more}))

    def runs(self, program: str) -> None:
        """Have the step claim the run as it does, and go on as a program."""
        self.commands["launch"] = (
            f"import json, pathlib; known = json.loads(pathlib.Path({str(self.directory)!r}, 'run/allocation.json')"
            f".read_text()); asked = json.loads(pathlib.Path({str(self.place)!r}, 'asked.json').read_text()); "
            f"pathlib.Path({str(self.place)!r}, asked['id'] + '.claim').open('x').write(json.dumps("
            "{'job': known['job'], 'restart': known['restart']})); " + program
        )

    def start(self, restart: int = 0) -> Batch:
        node = {"node0": {"name": "n1", "address": "1"}}
        known = {"job": "7", "restart": restart, "nodes": node, "local": "/"}
        (self.directory / "run/allocation.json").write_text(json.dumps(known))
        return Batch(str(self.directory), self.said.append)

    def run_of(self, restart: int = 0) -> BatchRun:
        now = {"job": "7", "restart": restart}
        return BatchRun(lambda path: Path(path).read_text(), str(self.directory / "run"), now)


def _step(node: str, name: str, launcher: list[str], *argv: str) -> list[str]:
    return list(argv)


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    return Job(tmp_path, monkeypatch)


def _until(batch: Batch, job: Job, state: str) -> int | None:
    end = time.monotonic() + 30
    status: int | None = None
    while job.run_of().state != state:
        assert time.monotonic() < end, (job.run_of().state, job.said)
        status = batch.turn()
        time.sleep(0.02)
    return batch.turn() if status is None else status


def test_its_exit_status_is_the_jobs_and_another_start_of_the_job_does_not_run_it(job: Job) -> None:
    job.runs("raise SystemExit(7)")
    assert _until(job.start(), job, "failed") == 7
    assert job.start(restart=1).turn() == 7
    assert (job.run_of(1).state, job.run_of(1).exit, job.run_of(1).ends_the_job) == ("failed", 7, True)
    assert sum("starts" in line for line in job.said) == 1


def test_the_cluster_is_kept_where_that_is_asked_for(job: Job) -> None:
    job.ask(then="keep")
    job.runs("")
    batch = job.start()
    assert _until(batch, job, "done") is None
    assert batch.turn() is None
    job.ask("y", then="keep")
    assert _until(batch, job, "done") is None
    assert {path.name for path in job.place.glob("*.end")} == {"x.end", "y.end"}


@pytest.mark.parametrize("on_restart", [False, True])
def test_what_the_end_of_a_job_cuts_short_is_run_again_where_that_is_asked_for(job: Job, on_restart: bool) -> None:
    job.ask(onRestart=on_restart)
    job.runs("import signal, time; signal.signal(signal.SIGUSR1, signal.SIG_DFL); time.sleep(60)")
    batch = job.start()
    _until(batch, job, "running")
    assert batch.end(is_told=False)
    assert job.run_of().state == "interrupted"
    assert job.run_of(1).ends_the_job is not on_restart
    job.runs("")
    again = job.start(restart=1)
    if on_restart:
        end = time.monotonic() + 30
        while (status := again.turn()) is None and time.monotonic() < end:
            time.sleep(0.02)
        assert (status, job.run_of(1).state) == (0, "done")
    else:
        assert again.turn() == 1
        assert job.run_of(1).state == "interrupted"


def test_a_job_that_ended_without_a_word_leaves_what_it_ran_interrupted(job: Job) -> None:
    (job.place / "x.claim").write_text('{"job": "7", "restart": 0}')
    assert job.run_of(0).state == "running"
    assert job.run_of(1).state == "interrupted"
    assert job.start(restart=1).turn() == 1


def test_a_step_that_slurm_could_not_start_is_tried_again(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "PAUSE", 0.0)
    job.commands["launch"] = "raise SystemExit(1)"
    batch = job.start()
    while sum("starts" in line for line in job.said) < 3:
        assert batch.turn() is None
    assert job.run_of().state == "waiting"


def test_workers_that_do_not_come_fail_it_with_a_line_in_its_log(job: Job) -> None:
    job.ask(startWait=0, gate={"host": "node0"})
    assert _until(job.start(), job, "failed") == NOT_STARTED
    log = (job.directory / "log/batch.log").read_text()
    assert "its workers were not there within startWait (0 s): not started" in log


def test_workers_are_counted_by_the_pages_of_their_scheduler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "page.json"
    size = tmp_path / "size"
    known = {"kind": "dask-workers", "url": page.as_uri(), "workers": [["a", 2, ""], ["b", 0, str(size)]]}
    assert "the scheduler does not answer" in gate.missing_of(known)
    workers = {"1": {"name": "a-0"}, "2": {"name": "a-1"}, "3": {"name": "b"}}
    page.write_text(json.dumps({"workers": workers}))
    assert gate.missing_of(known) == "1 of 2 are not there: b"
    size.write_text('{"workers": 1}')
    assert gate.missing_of(known) == ""
    workers.pop("2")
    page.write_text(json.dumps({"workers": workers}))
    assert gate.missing_of(known) == "1 of 2 are not there: a"
    page.write_text(
        json.dumps({"workers": [{"host": "n", "port": 1, "state": "ALIVE"}, {"host": "m", "port": 1, "state": "DEAD"}]})
    )
    spark = {"kind": "spark-workers", "url": page.as_uri(), "workers": [["n:1", 0, ""], ["m:1", 0, ""]]}
    assert gate.missing_of(spark) == "1 of 2 are not there: m:1"


def test_a_step_that_runs_once_is_claimed_before_it_starts_and_never_started_again(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (tmp_path / "log").mkdir()
    step = {"wrapper": [], "argv": ["sh", "-c", f"echo ran >>{tmp_path}/runs"], "host": "node0"}
    (run / "batch.json").write_text(json.dumps({**step, "claim": str(run / "x.claim")}))
    (run / "allocation.json").write_text(json.dumps({"job": "7", "restart": 1, "nodes": {}, "local": "/", "end": ""}))
    words = [sys.executable, "-m", "mspass_stack.agent", "step", str(tmp_path), "batch"]
    environment = {**os.environ, "MSPASS_JOB_LOCAL": str(tmp_path / "local")}
    assert [subprocess.run(words, env=environment).returncode for _ in range(2)] == [0, CANNOT_START]
    assert (tmp_path / "runs").read_text() == "ran\n"
    assert json.loads((run / "x.claim").read_text()) == {"job": "7", "restart": 1}
    assert "batch was started before" in (tmp_path / "log/batch.log").read_text()
