"""Data between a store and the nodes of a job: rescued where all are here, else the loss is named."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mspass_stack.agent import data_step, slurm
from mspass_stack.agent.allocation import Allocation
from mspass_stack.agent.data_step import DataStep
from mspass_stack.agent.errors import Refused
from mspass_stack.agent.local_data import LocalData
from mspass_stack.agent.staging import FILE, Staging, refuse_store
from mspass_stack.agent.store import Store

SERVERS = {"node0": "data_config_node0", "node1": "data_shard_a_node1"}


class Site:
    """Nodes with disks of their own, and jobs that get some of them.

    Attributes:
        said: the log of the jobs.
        dead: nodes that do not answer.
    """

    def __init__(self, top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.top, self.directory = top, top / "stack"
        self.run, self.store = self.directory / "run", Store(self.directory)
        self.said: list[str] = []
        self.dead: set[str] = set()
        self.over = False
        (self.run / "programs").mkdir(parents=True)
        for host, member in SERVERS.items():
            step: dict[str, Any] = {"host": host, "data": str(self.directory / member), "wrapper": [], "argv": []}
            (self.run / "programs" / f"mongod-{host}.ini").write_text("priority=100\n")
            (self.run / f"mongod-{host}.json").write_text(json.dumps(step))
        self._monkeypatch = monkeypatch
        monkeypatch.setattr(data_step, "LocalData", self._disk)
        monkeypatch.setattr(Staging, "_step", self._step)

    def job(self, job: str, *nodes: str) -> Staging:
        """Begin a job on some nodes."""
        known = {f"node{number}": {"name": name, "address": ""} for number, name in enumerate(nodes)}
        Allocation(self.run).write(job, 0, "/tmp/job", known, "")
        return Staging(str(self.directory), self.said.append, lambda: self.over)

    def data(self, node: str, job: str, host: str) -> Path:
        """Return the directory of a host's server on a node."""
        places = (self.top / node).glob(f"*/{job}.0/{SERVERS[host]}")
        return next(places)

    def _disk(self, directory: str, allocation: dict[str, Any]) -> LocalData:
        own = self.top / os.environ["SLURMD_NODENAME"]
        own.mkdir(exist_ok=True)
        return LocalData(directory, {**allocation, "local": f"{own}/job"})

    def _step(self, hosts: Sequence[str], *words: str, key: str = "member") -> dict[str, dict[str, Any]]:
        lines: list[dict[str, Any]] = []
        nodes = Allocation(self.run).read()["nodes"]
        self._monkeypatch.setattr(slurm, "tell", lines.append)
        for name in (nodes[host]["name"] for host in hosts):
            if name not in self.dead:
                self._monkeypatch.setenv("SLURMD_NODENAME", name)
                DataStep(str(self.directory)).run(*words)
        return {line[key]: line for line in lines if key in line and "done" not in line}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setattr(Staging, "_said", "", raising=False)
    return Site(tmp_path, monkeypatch)


def _write(site: Site, job: str, word: str, *nodes: str) -> None:
    for node, host in zip(nodes, SERVERS, strict=True):
        (site.data(node, job, host) / "words").write_text(word)


def _read(site: Site, job: str, *nodes: str) -> set[str]:
    return {(site.data(node, job, host) / "words").read_text() for node, host in zip(nodes, SERVERS, strict=True)}


def _first(site: Site) -> None:
    """Have a version with the word `one`."""
    staging = site.job("1", "n1", "n2")
    staging.bring()
    _write(site, "1", "one", "n1", "n2")
    assert staging.keep() == ""


def test_an_ordered_stop_makes_a_version_and_frees_the_nodes(site: Site) -> None:
    _first(site)
    assert not [*site.top.glob("n*/*/1.0")]
    site.job("2", "n3", "n4").bring()
    assert _read(site, "2", "n3", "n4") == {"one"}
    assert json.loads((site.run / FILE).read_text())["lost"] == ""


def test_what_a_killed_job_has_left_is_stored_first_where_all_is_here(site: Site) -> None:
    _first(site)
    site.job("2", "n1", "n2").bring()
    _write(site, "2", "two", "n1", "n2")
    # The same nodes in another order: node1 is where node0 was.
    site.job("3", "n2", "n1", "n5").bring()
    assert _read(site, "3", "n2", "n1") == {"two"}
    assert site.store.current["run"] == "2.0"
    assert not [*site.top.glob("n*/*/2.0")]


def test_a_part_of_it_is_not_mixed_with_a_version_and_the_loss_is_named(site: Site) -> None:
    _first(site)
    site.job("2", "n1", "n2").bring()
    _write(site, "2", "two", "n1", "n2")
    site.job("3", "n1", "n3").bring()
    assert _read(site, "3", "n1", "n3") == {"one"}
    lost = json.loads((site.run / FILE).read_text())["lost"]
    assert lost in site.said
    assert lost.startswith("what job 2 wrote since ")
    assert "is lost: no node of this job has data_shard_a_node1 on n2; version v1 of " in lost
    # It is past: the next job that has both goes on from the third.
    _write(site, "3", "three", "n1", "n3")
    site.job("4", "n1", "n2", "n3").bring()
    assert _read(site, "4", "n1", "n2") == {"three"}


def test_a_node_that_does_not_answer_is_none_that_has_nothing(site: Site) -> None:
    _first(site)
    site.job("2", "n1", "n2").bring()
    site.dead.add("n2")
    with pytest.raises(Refused, match="no word from n2 of data that the last job may have left"):
        site.job("3", "n1", "n2").bring()
    assert site.store.opened["run"] == "2.0"


def test_a_job_that_ends_before_its_servers_began_loses_nothing_of_the_former(site: Site) -> None:
    _first(site)
    site.job("2", "n1", "n2").bring()
    _write(site, "2", "two", "n1", "n2")
    site.over = True
    site.job("3", "n3", "n4").bring()
    site.over = False
    site.job("4", "n1", "n2").bring()
    assert _read(site, "4", "n1", "n2") == {"two"}


def test_a_copy_that_fails_leaves_the_former_version_of_all(site: Site) -> None:
    _first(site)
    staging = site.job("2", "n1", "n2")
    staging.bring()
    _write(site, "2", "two", "n1", "n2")
    site.dead.add("n2")
    why = staging.keep()
    assert why.startswith("the data are not stored, and stay on n1, n2: not all copies were made: ")
    assert "data_shard_a_node1: no answer; version v1 of " in why
    assert site.store.current["version"] == "v1"
    site.dead.clear()
    site.job("3", "n1", "n2").bring()
    assert site.store.current["version"] == "v2"
    assert _read(site, "3", "n1", "n2") == {"two"}


def test_what_is_here_and_cannot_be_stored_is_not_passed_over(site: Site) -> None:
    _first(site)
    site.job("2", "n1", "n2").bring()
    _write(site, "2", "two", "n1", "n2")
    (site.data("n2", "2", "node1") / "words").unlink()
    (site.data("n2", "2", "node1") / "words").symlink_to("nowhere")
    with pytest.raises(Refused, match=r"not stored: not all copies were made: data_shard_a_node1: .* remove .*opened"):
        site.job("3", "n1", "n2").bring()
    assert site.store.opened["run"] == "2.0"


def test_servers_that_a_version_does_not_have_are_refused(site: Site) -> None:
    _first(site)
    (site.run / "programs/mongod-node1.ini").unlink()
    with pytest.raises(Refused, match="no server with data is added or taken away"):
        site.job("2", "n1", "n2").bring()


def test_neither_storage_opens_an_empty_database_beside_the_data_of_the_other(site: Site) -> None:
    refuse_store(str(site.directory))
    place = site.directory / SERVERS["node1"]
    place.mkdir()
    (place / "WiredTiger").touch()
    with pytest.raises(Refused, match=r"data of mspass:cluster\.database\.storage: shared"):
        site.job("1", "n1", "n2").bring()
    (place / "WiredTiger").unlink()
    _first(site)
    with pytest.raises(Refused, match=r"data of mspass:cluster\.database\.storage: local"):
        refuse_store(str(site.directory))
