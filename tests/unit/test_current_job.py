"""A cluster in the allocation of a shell: what that gives, and what makes no sense with it."""

from typing import Any

import pytest

from mspass_stack.config.load import read_cluster
from mspass_stack.errors import ConfigError
from mspass_stack.plan import make_plan

INSIDE = {"SLURM_JOB_ID": "11", "SLURM_JOB_NUM_NODES": "3"}


def _cluster(**changes: Any) -> dict[str, Any]:
    slurm = {"job": "current", **changes.pop("slurm", {})}
    places = {"workdir": "/scratch/work", "datadir": "/scratch/mspass"}
    return {"slurm": slurm, "frontend": {"host": "node0"}, **places, **changes}


@pytest.fixture(autouse=True)
def _shell(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    for name, value in INSIDE.items():
        monkeypatch.setenv(name, value)


def test_it_has_the_nodes_of_the_allocation_and_asks_for_none(tmp_path: Any) -> None:
    cluster = read_cluster(_cluster())
    assert list(cluster.hosts) == ["node0", "node1", "node2"]
    job = make_plan(cluster, "test", {}, tmp_path, "python3").topology.job
    assert job
    assert (job.current, job.nodes, job.directives, job.lead) == ("11", 3, (), 600)
    assert str(job) == "job 11"
    assert list(read_cluster(_cluster(slurm={"nodes": 2})).hosts) == ["node0", "node1"]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "more nodes than there are": ({"slurm": {"nodes": 4}}, "slurm.nodes: 4: job 11 has 3: expected at most 3"),
    "a login": ({"slurm": {"login": {"address": "a"}}}, "slurm.login: expected none with job: current"),
    "a batch that gives the nodes back": ({"batch": {"run": "a.py"}}, "batch.then: 'stop': expected keep with"),
    "a place on a node that there is none of": ({"frontend": {"host": "node3"}}, "frontend.host"),
    "another word": ({"slurm": {"job": "11"}}, "slurm.job: '11': expected 'current'"),
    **{
        f"what is asked of a job: {key}": (
            {"slurm": {key: value}},
            f"slurm.{key}: {value!r}: expected none with job: current",
        )
        for key, value in {
            "time": "1:00:00",
            "partition": "main",
            "account": "me",
            "qos": "low",
            "cores": 2,
            "memory": "2GiB",
            "directives": {"constraint": "x"},
            "queueWait": "5m",
            "jobs": 2,
        }.items()
    },
}


@pytest.mark.parametrize(("changes", "said"), REFUSED.values(), ids=REFUSED)
def test_what_makes_no_sense_with_it_is_refused(changes: dict[str, Any], said: str, tmp_path: Any) -> None:
    with pytest.raises(ConfigError) as refused:
        make_plan(read_cluster(_cluster(**changes)), "test", {}, tmp_path, "python3")
    assert said in str(refused.value)


def test_a_batch_run_that_keeps_the_cluster_up_is_welcome() -> None:
    assert read_cluster(_cluster(batch={"run": "a.py", "then": "keep"})).batch


def test_where_there_is_no_allocation_all_that_is_wrong_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLURM_JOB_ID")
    with pytest.raises(ConfigError) as refused:
        read_cluster(_cluster(slurm={"jobs": 2}))
    first, second = str(refused.value).splitlines()
    assert first.startswith("mspass:cluster.slurm.job: 'current': this shell is in no allocation (SLURM_JOB_ID)")
    assert second.startswith("mspass:cluster.slurm.jobs: 2: ")
