"""What a job has brought to its nodes: results of runs that were cut short are brought back by who gets their nodes."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mspass_stack.agent import slurm, stage_step
from mspass_stack.agent.allocation import Allocation
from mspass_stack.agent.errors import Refused
from mspass_stack.agent.job_stage import FILE, JobStage
from mspass_stack.agent.local_data import LocalData
from mspass_stack.agent.stage_step import StageStep

WORKERS = ("node1", "node2")


class Site:
    """Nodes with disks of their own, and jobs that get some of them.

    Attributes:
        said: the log of the jobs.
        dead: nodes that do not answer.
    """

    def __init__(self, top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.top, self.directory = top, top / "stack"
        self.run, self.source, self.results = self.directory / "run", top / "shared/waveforms", top / "shared/results"
        self.said: list[str] = []
        self.dead: set[str] = set()
        self.over = ""
        self.source.mkdir(parents=True)
        (self.source / "a").write_text("one")
        (self.run / "programs").mkdir(parents=True)
        for host in WORKERS:
            spec = {
                "host": host,
                "bring": [{"source": str(self.source), "name": "waveforms", "link": ""}],
                "back": [{"to": str(self.results), "name": "results", "link": ""}],
            }
            step: dict[str, Any] = {"host": host, "stage": spec, "wrapper": [], "argv": []}
            (self.run / "programs" / f"worker-{host}.ini").write_text("priority=300\n")
            (self.run / f"worker-{host}.json").write_text(json.dumps(step))
        self._monkeypatch = monkeypatch
        monkeypatch.setattr(stage_step, "LocalData", self._disk)
        monkeypatch.setattr(JobStage, "_step", self._step)

    def job(self, job: str, *nodes: str) -> JobStage:
        """Begin a job on some nodes."""
        known = {f"node{number}": {"name": name, "address": ""} for number, name in enumerate(nodes)}
        Allocation(self.run).write(job, 0, "/tmp/job", known, "")
        return JobStage(str(self.directory), self.said.append, lambda said: self.over)

    def here(self, node: str, job: str) -> list[str]:
        """What a node has of a job on its own disk."""
        return sorted(path.name for path in self.top.glob(f"{node}/*/{job}.0/*/*/*") if path.is_file())

    def write(self, node: str, job: str, text: str) -> None:
        (place,) = self.top.glob(f"{node}/*/{job}.0/out/results")
        (place / "found").write_text(text)

    def found(self) -> dict[str, str]:
        return {path.parent.name: path.read_text() for path in self.results.rglob("found")}

    def _disk(self, directory: str, allocation: dict[str, Any], kind: str) -> LocalData:
        own = self.top / os.environ["SLURMD_NODENAME"]
        own.mkdir(exist_ok=True)
        return LocalData(directory, {**allocation, "local": f"{own}/job"}, kind)

    def _step(self, hosts: Sequence[str], word: str) -> tuple[dict[str, dict[str, Any]], str]:
        lines: list[dict[str, Any]] = []
        nodes = Allocation(self.run).read()["nodes"]
        self._monkeypatch.setattr(slurm, "tell", lines.append)
        for name in (nodes[host]["name"] for host in hosts):
            if name not in self.dead:
                self._monkeypatch.setenv("SLURMD_NODENAME", name)
                StageStep(str(self.directory)).run(word)
        return {line["host"]: line for line in lines if "done" not in line}, "srun: error" if self.dead else ""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site(tmp_path, monkeypatch)


def test_an_ordered_stop_brings_results_back_and_clears_the_nodes(site: Site) -> None:
    stage = site.job("1", "n0", "n1", "n2")
    assert stage.bring()
    assert [site.here(node, "1") for node in ("n0", "n1", "n2")] == [[], ["a"], ["a"]]
    assert "stage: 0 MiB brought to 2 nodes" in site.said[-1]
    for node in ("n1", "n2"):
        site.write(node, "1", node)
    assert stage.has_results
    assert stage.end("STOPPED") == ""
    assert site.found() == {"node1": "n1", "node2": "n2"}
    assert not [*site.top.glob("n?/*/*")]
    assert not (site.run / FILE).exists()


def test_what_a_killed_job_has_left_is_brought_back_by_who_gets_the_node_and_its_copy_goes_on(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.job("1", "n0", "n1", "n2").bring()
    site.write("n1", "1", "first")
    site.write("n2", "1", "second")
    # Another node is node1 now, and the one that was has no workers.
    monkeypatch.setattr("mspass_stack.agent.tree_copy.BLOCK", 1)
    site.job("2", "n1", "n2", "n3").bring()
    assert site.found() == {"node1": "first", "node2": "second"}
    assert [line for line in site.said if "of job 1 on n2: 1 results are brought back" in line]
    assert [site.here(node, "1") for node in ("n1", "n2")] == [[], []]
    assert [site.here(node, "2") for node in ("n1", "n2", "n3")] == [["a"], ["a"], ["a"]]


def test_nodes_that_the_next_job_lacks_are_named_and_one_that_gets_them_brings_it_back(site: Site) -> None:
    site.job("1", "n0", "n1", "n2").bring()
    site.write("n2", "1", "late")
    site.job("2", "n0", "n1", "n3").bring()
    assert "stage: results of job 1 may be left on n2, and this job has other nodes" in "\n".join(site.said)
    site.job("3", "n2", "n4", "n5").bring()
    assert site.found() == {"node2": "late"}


def test_a_job_that_is_cancelled_says_where_its_results_are(site: Site) -> None:
    stage = site.job("1", "n0", "n1", "n2")
    stage.bring()
    site.write("n1", "1", "mine")
    said = stage.end("CANCELLED")
    assert said.startswith("results are not brought back, and stay on n1, n2 in /tmp/mspass-")
    assert said.endswith("The next job that gets these nodes brings them back")
    assert site.here("n1", "1") == ["a", "found"]


def test_results_that_cannot_be_brought_back_stay_and_are_named_and_no_others(site: Site) -> None:
    stage = site.job("1", "n0", "n1", "n2")
    stage.bring()
    for node in ("n1", "n2"):
        site.write(node, "1", node)
    site.results.mkdir()
    (site.results / "node2").write_text("in the way")
    said = stage.end("STOPPED")
    assert said.startswith("results are not brought back, and stay on n2 in ")
    assert f"node2 (n2): {site.results}/node2" in said
    assert (site.found(), site.here("n2", "1")) == ({"node1": "n1"}, ["a", "found"])
    (site.results / "node2").unlink()
    site.job("2", "n2", "n1", "n3").bring()
    assert site.found() == {"node1": "n1", "node2": "n2"}


def test_a_copy_that_fails_ends_the_job_with_node_and_path_and_leaves_nothing(site: Site) -> None:
    os.mkfifo(site.source / "pipe")
    stage = site.job("1", "n0", "n1", "n2")
    with pytest.raises(Refused, match=r"not brought to their nodes: node1 \(n1\): .*/pipe: neither a file nor"):
        stage.bring()
    assert stage.end("") == ""
    assert not [*site.top.glob("n?/*/*")]


def test_a_node_that_does_not_answer_is_named(site: Site) -> None:
    site.dead.add("n2")
    with pytest.raises(Refused, match=r"node2 \(n2\): no answer; srun: error"):
        site.job("1", "n0", "n1", "n2").bring()


def test_a_job_that_is_told_to_end_meanwhile_starts_nothing(site: Site) -> None:
    stage, site.over = site.job("1", "n0", "n1", "n2"), "STOPPED"
    assert not stage.bring()


def test_without_anything_to_bring_no_step_is_started(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for host in WORKERS:
        (site.run / f"worker-{host}.json").unlink()
    stage = site.job("1", "n0", "n1", "n2")
    monkeypatch.setattr(JobStage, "_step", None)
    assert (stage.bring(), stage.has_results, stage.end("STOPPED")) == (True, False, "")


def test_results_of_a_batch_run_are_brought_back_when_it_has_ended(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stage = site.job("1", "n0", "n1", "n2")
    stage.bring()
    (site.run / "job.json").write_text('{"launcher": []}')

    def noted(nodes: Sequence[str], name: str, launcher: Sequence[str], *argv: str) -> list[str]:
        return ["sh", "-c", 'echo "$@" >> "$0/started"', str(tmp_path), *nodes, argv[-1]]

    monkeypatch.setattr(slurm, "step_on_each", noted)
    batch = site.run / "batch"
    batch.mkdir()
    stage.turn()
    assert not (tmp_path / "started").exists()
    (batch / "asked.json").write_text(json.dumps({"id": "b1", "then": "keep", "onRestart": False}))
    (batch / "b1.claim").write_text('{"job": "1", "restart": 0}')
    stage.turn()
    assert not (tmp_path / "started").exists()
    (batch / "b1.end").write_text('{"state": "done", "exit": 0, "when": 0}')
    stage.turn()
    stage.end("CANCELLED")
    stage.turn()
    stage.turn()
    assert (tmp_path / "started").read_text() == "n1 n2 leave\n"
