"""Accelerators in a config, in what Slurm is asked for, and as a node looks for them."""

from pathlib import Path
from typing import Any

import pytest

from mspass_stack.agent import gpus
from mspass_stack.config.load import read_cluster
from mspass_stack.errors import ConfigError
from mspass_stack.plan import check
from mspass_stack.sites.gres import launcher, most_gpus, with_gpus
from mspass_stack.spec.gpus import count_in


def _cluster(asked: object, **slurm: Any) -> dict[str, Any]:
    return {
        "slurm": {"nodes": 2, "time": "30:00", **slurm},
        "workdir": "/scratch/work",
        "datadir": "/scratch/mspass",
        "pool": {"host": "node0", "workers": {"node0": {}, "node1": {"gpus": asked}}},
    }


@pytest.mark.parametrize(
    ("asked", "count", "kind"),
    [(2, 2, "nvidia"), ({"count": 1}, 1, "nvidia"), ({"count": 4, "kind": "rocm"}, 4, "rocm")],
)
def test_a_number_is_a_count_of_nvidias(asked: object, count: int, kind: str) -> None:
    cluster = read_cluster(_cluster(asked))
    assert cluster.pool
    found = cluster.pool.workers["node1"].gpus
    assert found
    assert (found.count, found.kind, most_gpus(cluster)) == (count, kind, count)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "none": (_cluster(0), "pool.workers.node1.gpus.count: 0: expected 1 or more"),
    "more than there are": (_cluster(65), "pool.workers.node1.gpus.count: 65: expected 64 or less"),
    "all of them": (_cluster("all"), "pool.workers.node1.gpus: 'all': expected a mapping of keys and values"),
    "a switch": (_cluster(True), "pool.workers.node1.gpus: True: got a boolean"),
    "no number": (_cluster({"kind": "rocm"}), "pool.workers.node1.gpus.count: required"),
    "another kind": (
        _cluster({"count": 1, "kind": "intel"}),
        "pool.workers.node1.gpus.kind: 'intel': expected 'nvidia' or 'rocm'",
    ),
    "Docker's word": (_cluster({"count": 1, "driver": "nvidia"}), "pool.workers.node1.gpus.driver: unknown key"),
    "asked for in two ways": (
        _cluster(1, directives={"gpus-per-node": 1}),
        "slurm.directives.gpus-per-node: expected none beside pool.workers.node1.gpus, for which `gres` is asked",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named_by_its_path(case: str) -> None:
    value, expected = WRONG[case]
    with pytest.raises(ConfigError) as refused:
        check(read_cluster(value))
    assert f"mspass:cluster.{expected}" in str(refused.value)


@pytest.mark.parametrize(
    ("said", "own", "gres"),
    [
        ({}, {}, "gpu:2"),
        ({"gres": "nvme:100"}, {}, "nvme:100,gpu:2"),
        ({"gres": "gpu:0"}, {}, "gpu:2"),
        ({"gres": "gpu:a100:1,nvme:100"}, {}, "nvme:100,gpu:2"),
        ({"gres": "gpu:a100:1"}, {"gres": "gpu:a100:1"}, "gpu:a100:1"),
        ({"gres": None}, {}, None),
    ],
)
def test_they_are_asked_for_beside_other_resources(said: dict[str, Any], own: dict[str, Any], gres: str | None) -> None:
    assert with_gpus(said, own, 2).get("gres") == gres
    assert launcher(("--mpi=none",), said, 2) == ("--mpi=none", *(["--gres=none"] if gres else []))
    assert with_gpus(said, own, 0) == said
    assert launcher((), said, 0) == ()


def test_another_way_of_a_site_to_ask_for_them_is_dropped() -> None:
    assert with_gpus({"gpus-per-node": 1, "qos": "gpu"}, {}, 2) == {"qos": "gpu", "gres": "gpu:2"}


STEP = {"gpus": {"count": 2, "kind": "nvidia", "key": "mspass:cluster.pool.workers.node1.gpus"}}


def test_a_device_that_is_not_there_is_named_with_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus, "DEVICES", {"nvidia": f"{tmp_path}/nvidia[0-9]*"})
    assert gpus.trouble({}) == ""
    (tmp_path / "nvidiactl").touch()
    missing = f"nvidia: there is no {tmp_path}/nvidia[0-9]*, so no driver has found one"
    assert gpus.trouble(STEP) == f"mspass:cluster.pool.workers.node1.gpus: {missing}"
    (tmp_path / "nvidia0").touch()
    assert gpus.trouble(STEP) == ""


def test_a_container_has_which_are_its_own_and_nothing_else() -> None:
    assert gpus.given({"CUDA_VISIBLE_DEVICES": "1", "PATH": "/bin"}) == {
        "APPTAINERENV_CUDA_VISIBLE_DEVICES": "1",
        "SINGULARITYENV_CUDA_VISIBLE_DEVICES": "1",
    }


@pytest.mark.parametrize(
    ("resources", "count"),
    [
        ("gres/gpu:1", 1),
        ("gres:gpu:a100:2", 2),
        ("nvme:100,gpu:4", 4),
        ("gres/gpu", 1),
        ("N/A", 0),
        ("", 0),
        ("nvme:100", 0),
    ],
)
def test_slurms_words_for_them_are_read(resources: str, count: int) -> None:
    assert count_in(resources) == count
