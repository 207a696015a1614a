"""What is brought to workers: what could not be, or would cover something, is refused with its YAML path."""

from pathlib import Path
from typing import Any

import pytest

from mspass_stack.agent.words import STAGE
from mspass_stack.config.load import read_cluster
from mspass_stack.errors import ConfigError
from mspass_stack.plan import make_plan
from mspass_stack.roles.stage import binds, environment, stage_of

IN: list[dict[str, Any]] = [{"from": "/nfs/waveforms"}]


def _cluster(stage: object, **changes: Any) -> dict[str, Any]:
    known: dict[str, Any] = {
        "runtime": "docker",
        "workdir": "/srv/work",
        "datadir": "/srv/mspass",
        "hosts": {"n1": {"address": "10.0.0.1", "ssh": {}}, "n2": {"address": "10.0.0.2", "ssh": {}}},
        "pool": {"host": "n1", "workers": {"n1": {}, "n2": {}}},
        "stage": stage,
    }
    return known | changes


def _at(to: str) -> dict[str, Any]:
    return _cluster({"in": [{"from": "/nfs/waveforms", "to": to}]})


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": (_cluster({}), ": empty: expected in or out"),
    "no workers": (_cluster({"in": IN}, pool=None, frontend={"host": "n1"}), ": expected a pool, whose workers"),
    "a relative source": (_cluster({"in": [{"from": "waveforms"}]}), ".in[0].from: 'waveforms': expected an absolute"),
    "a source above another": (_cluster({"in": [{"from": "/a/../b"}]}), ".in[0].from: '/a/../b': expected a path with"),
    "all of a host": (_cluster({"in": [{"from": "/"}]}), ".in[0].to: '/tmp': a directory of the system"),
    "a relative place": (_at("waveforms"), ".in[0].to: 'waveforms': expected an absolute path"),
    "a place that Apptainer would split": (_at("/a:b"), ".in[0].to: '/a:b': expected an absolute path without blank"),
    "the root": (_at("/"), ".in[0].to: '/': a directory of the system"),
    "/tmp itself": (_at("/tmp/"), ".in[0].to: '/tmp': a directory of the system"),
    "a part of the system": (_at("/usr/lib/x"), ".in[0].to: '/usr/lib/x': a directory of the system"),
    "what is above the stack": (_at("/srv/mspass"), ".in[0].to: '/srv/mspass': covers mspass:cluster.datadir"),
    "what is in the stack": (_at("/srv/mspass/db"), ".in[0].to: '/srv/mspass/db': is in mspass:cluster.datadir"),
    "what is in the workdir": (_at("/srv/work/w"), ".in[0].to: '/srv/work/w': is in mspass:cluster.workdir"),
    "the Python": (
        _cluster({"in": [{"from": "/nfs/w", "to": "/opt/env"}]}, python="/opt/env/bin/python"),
        ".in[0].to: '/opt/env': covers mspass:cluster.python",
    ),
    "a place twice": (
        _cluster({"in": [*IN, {"from": "/old/waveforms"}]}),
        ".in[1].to: '/tmp/waveforms' twice: also by in[0].to",
    ),
    "results among waveforms": (
        _cluster({"in": IN, "out": [{"from": "/tmp/waveforms/new", "to": "/nfs/new"}]}),
        ".out[0].from: '/tmp/waveforms/new': expected none that in[0].to",
    ),
    "results that are brought to all again": (
        _cluster({"in": IN, "out": [{"from": "/tmp/new", "to": "/nfs/waveforms/new"}]}),
        ".out[0].to: '/nfs/waveforms/new': is in '/nfs/waveforms', which in[0] brings to all",
    ),
    "results to nowhere": (_cluster({"out": [{"from": "/tmp/new"}]}), ".out[0].to: required"),
    "another word": (_cluster({"in": [{"from": "/a", "into": "/b"}]}), ".in[0].into: unknown key"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_be_is_refused_with_its_path(what: str) -> None:
    value, expected = WRONG[what]
    with pytest.raises(ConfigError) as refused:
        make_plan(read_cluster(value), "lab", {"n1": 1, "n2": 1}, Path("/p"), "/py/python")
    assert f"mspass:cluster.stage{expected}" in str(refused.value)


def test_by_default_workers_see_it_where_mspass_puts_it_and_nobody_else_does() -> None:
    value = _cluster({"in": IN, "out": [{"from": "/tmp/new", "to": "/nfs/new"}]})
    plan = make_plan(read_cluster(value), "lab", {"n1": 1, "n2": 1}, Path("/p"), "/py/python")
    seen = {
        process.name: {(bind.target, bind.read_only) for bind in binds(process, plan.context(process.host))}
        for process in plan.topology.processes
    }
    places = {("/tmp/waveforms", True), ("/tmp/new", False)}
    assert seen == {"scheduler": set(), "worker-n1": places, "worker-n2": places}
    assert environment(plan.cluster) == {"MSPASS_SCRATCH_DATA_DIR": "/nfs/waveforms"}


@pytest.mark.parametrize(("runtime", "link"), [("docker", ""), ("native", "/tmp/waveforms")])
def test_a_link_shows_it_where_no_container_does(runtime: str, link: str) -> None:
    value = _cluster({"in": IN}, runtime=runtime)
    plan = make_plan(read_cluster(value), "lab", {"n1": 1, "n2": 1}, Path("/p"), "/py/python")
    worker = plan.topology.of("worker")[0]
    spec = stage_of(worker, plan.context("n1"))
    assert spec
    assert [one.link for one in spec.bring] == [link]


def test_a_node_of_a_job_says_itself_where_its_disk_is() -> None:
    slurm = {"nodes": 2, "time": "1:00:00"}
    value = _cluster({"in": IN}, slurm=slurm, pool={"host": "node0", "workers": {"node1": {}}})
    for key in ("hosts", "runtime"):
        del value[key]
    plan = make_plan(read_cluster(value), "hpc", {}, Path("/p"), "/py/python")
    (worker,) = plan.topology.of("worker")
    (bind,) = binds(worker, plan.context("node1"))
    assert bind.source.startswith(f"{STAGE}/in/waveforms-")
