"""What a process gets of its node, measured there and shared with those beside it."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from mspass_stack.agent import size, slurm
from mspass_stack.agent.errors import Refused
from mspass_stack.agent.size import Size
from mspass_stack.agent.words import CACHE, CORES, LIMIT

GIB = 1 << 30


def _step(*argv: str, room: int = 0, parts: int = 0) -> dict[str, Any]:
    return {"host": "node0", "argv": list(argv), "room": room, "parts": parts}


MONGOD = _step("mongod", "--wiredTigerCacheSizeGB", CACHE)
WORKER = _step("dask", "--nworkers", CORES, "--memory-limit", LIMIT, room=GIB // 2)
FRONTEND = _step("jupyterlab", room=GIB)


def _cores(number: int) -> Callable[[int], set[int]]:
    return lambda pid: set(range(number))


def test_workers_alone_have_all_of_their_node_but_what_its_system_and_their_nanny_need() -> None:
    shares = Size(16, 64 * GIB).shares(WORKER, [WORKER])
    assert shares["workers"] == 16
    assert shares["limit"] == (60 * GIB - GIB // 2) // 16


def test_a_declared_number_of_workers_shares_the_same() -> None:
    four = {**WORKER, "parts": 4}
    assert Size(16, 64 * GIB).shares(four, [four])["limit"] == (60 * GIB - GIB // 2) // 4


def test_a_mongod_alone_takes_half_and_several_share_it() -> None:
    assert Size(4, 16 * GIB).shares(MONGOD, [MONGOD])["cache"] == 15 * GIB // 2
    assert Size(4, 16 * GIB).shares(MONGOD, [MONGOD] * 3)["cache"] == 5 * GIB // 2


@pytest.mark.parametrize("memory", [2, 3, 16, 64, 512])
@pytest.mark.parametrize("cores", [1, 2, 64])
def test_all_roles_on_one_node_fit_into_it(cores: int, memory: int) -> None:
    every = [MONGOD, MONGOD, FRONTEND, WORKER]
    shares = Size(cores, memory * GIB).shares(WORKER, every)
    least = shares["limit"] == size.LEAST_LIMIT
    taken = 2 * size.BESIDE_CACHE * shares["cache"] + shares["limit"] * shares["workers"]
    assert taken + min(1.5 * GIB, memory * GIB / 2) <= memory * GIB or least


def test_what_is_put_in_is_what_was_written_down(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    shares = Size(2, 8 * GIB).shares(WORKER, [WORKER])
    size.note(tmp_path / "run", "worker-node0", shares)
    assert json.loads((tmp_path / "run/worker-node0.size").read_text()) == shares
    assert size.words_of(shares) == {CORES: "2", CACHE: "1.75", LIMIT: str(shares["limit"])}


def test_the_least_of_machine_job_and_control_groups_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(size, "memory_limits", lambda: [3 * GIB])
    monkeypatch.setattr(os, "sysconf", {"SC_PHYS_PAGES": GIB // 1024, "SC_PAGE_SIZE": 4096}.__getitem__)
    assert Size.of({}).memory == 3 * GIB
    assert Size.of({"cores": 1, "memory": 2048}).memory == 2 * GIB
    monkeypatch.setattr(size, "memory_limits", lambda: [8 * GIB])
    assert Size.of({"memory": 0}).memory == 4 * GIB


def test_a_shared_node_counts_with_the_cores_of_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", _cores(128))
    assert Size.of({"cores": 8}).cores == 8
    assert Size.of({}).cores == 128


@pytest.mark.parametrize(("there", "named"), [(64, "TaskPlugin"), (1, "slurm.cores to 1")])
def test_a_step_that_sees_too_few_cores_names_the_setting(
    monkeypatch: pytest.MonkeyPatch, there: int, named: str
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", _cores(1))
    monkeypatch.setattr(os, "cpu_count", lambda: there)
    with pytest.raises(Refused, match=named):
        Size.of({"cores": 4})


def test_limits_of_both_versions_of_control_groups_are_read(tmp_path: Path) -> None:
    one, two = tmp_path / "memory/slurm/job_1", tmp_path / "slurm/job_1/step_0"
    for place, file, text in (
        (one, "memory.limit_in_bytes", "4096"),
        (two.parent, "memory.max", "8192"),
        (two, "memory.max", "max"),
    ):
        place.mkdir(parents=True, exist_ok=True)
        (place / file).write_text(f"{text}\n")
    groups = tmp_path / "cgroup"
    groups.write_text("4:memory:/slurm/job_1\n3:cpuset:/\n0::/slurm/job_1/step_0\n")
    assert sorted(size.memory_limits(groups, tmp_path)) == [4096, 8192]


def test_what_a_job_has_of_each_node_is_read_from_slurm(monkeypatch: pytest.MonkeyPatch) -> None:
    said = (
        "NumNodes=3 NodeList=n[1-3] JOB_GRES=(null)   Nodes=n1 CPU_IDs=0-3,8 Mem=3000 GRES= "
        "Nodes=n[2-3] CPU_IDs=1 Mem=0 GRES=  MinCPUsNode=2"
    )
    names = {"n1": "n1", "n[2-3]": "n2\nn3"}

    def ask(*argv: str) -> CompletedProcess[str]:
        text = names[argv[-1]] if argv[2] == "hostnames" else said
        return CompletedProcess(argv, 0, text, "")

    monkeypatch.setattr(slurm, "_ask", ask)
    few = {"cores": 1, "memory": 0}
    assert slurm.sizes_of("7") == {"n1": {"cores": 5, "memory": 3000}, "n2": few, "n3": few}
