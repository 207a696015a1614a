"""The workers of a job are one resource with one check, however many they are."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from mocked_engine import Run
from own_program import PROJECT, Deploy

from mspass_stack import Inventory
from mspass_stack.cli.logs import logs
from mspass_stack.config.slurm_rules import MOST_WORKERS

GROWTH = 128
"""Bytes that a worker more may add to the inputs of all resources: its name here and there, and its digest."""

DISCOVERED = 2
"""Nodes of the figure that have no workers."""


def _config(workers: Mapping[str, Any], nodes: int) -> dict[str, Any]:
    config = yaml.safe_load((PROJECT / "stacks" / "Pulumi.hpc.yaml").read_text())["config"]
    config["mspass:cluster"]["slurm"]["nodes"] = nodes
    config["mspass:cluster"]["pool"]["workers"] = workers
    return config


def _many(deploy: Deploy, count: int, preview: bool = True) -> Run:
    nodes = count + DISCOVERED
    result = deploy(_config({f"node[{DISCOVERED}-{nodes - 1}]": {}}, nodes), "hpc", preview)
    assert not result.error
    return result


def _size(run: Run) -> int:
    return sum(len(json.dumps(found.inputs, default=str)) for found in run.resources)


def test_a_thousand_workers_are_as_many_resources_as_few(deploy: Deploy) -> None:
    few, many = _many(deploy, MOST_WORKERS), _many(deploy, 1000)
    assert few.types == many.types
    assert _size(many) - _size(few) < GROWTH * (1000 - MOST_WORKERS)


def test_a_worker_more_adds_its_name_and_its_digest(deploy: Deploy) -> None:
    few, many = (_many(deploy, count, preview=False) for count in (1, MOST_WORKERS))
    assert few.types == many.types
    assert _size(many) - _size(few) < GROWTH * (MOST_WORKERS - 1)


def test_a_digest_of_each_and_an_entry_of_each_are_all_that_there_is_more(deploy: Deploy) -> None:
    run = _many(deploy, MOST_WORKERS, preview=False)
    (processes,) = run.of("NodeProcesses").values()
    assert len(processes.inputs["processes"]) == 1
    assert len({*processes.inputs["digests"].values()}) == MOST_WORKERS
    workers = Inventory.model_validate(run.outputs["inventory"]).with_role("worker")
    assert len({entry.incarnation for entry in workers}) == MOST_WORKERS
    assert {entry.spec.host for entry in workers} == {f"node{number + DISCOVERED}" for number in range(MOST_WORKERS)}


def test_workers_of_several_kinds_are_one_resource_too(deploy: Deploy) -> None:
    """So that a node may change its kind alone: what is one thing to Pulumi knows what of it differs."""
    workers = {"node[2-3]": {"memory": "2GiB"}, "node4": {"memory": "1GiB"}, "node0": {}}
    run = deploy(_config(workers, 5), "hpc")
    (processes,) = run.of("NodeProcesses").values()
    assert [group["hosts"] for group in processes.inputs["processes"]] == [["node2", "node3"], ["node4"], ["node0"]]
    # That of the scheduler's own node names it twice, and once is its scheduler's.
    words = run.programs["worker-node2@node2"]["process"]["argv"]
    assert "tls://node0.hpc:8786" in words
    assert "node2.hpc" in words
    drains = {group["drain"]["words"][1] for group in processes.inputs["processes"]}
    assert drains == {"worker-@host@"}


def test_a_node_more_or_less_changes_the_program_of_no_other(deploy: Deploy) -> None:
    both, one = (deploy(_config({hosts: {}}, 4), "hpc") for hosts in ("node[2-3]", "node2"))
    left = {name: own for name, own in both.programs.items() if name != "worker-node3@node3"}
    assert left == one.programs
    for kind in ("Certificate", "HostFiles", "SlurmJob"):
        assert [found.inputs for found in both.of(kind).values()] == [found.inputs for found in one.of(kind).values()]


def test_the_nodes_are_looked_at_by_their_login_host_all_at_once(deploy: Deploy) -> None:
    (preflight,) = deploy(_config({"node[2-4]": {}}, 5), "hpc").of("Preflight").values()
    (asked,) = preflight.inputs["hosts"].values()
    assert asked["processes"] == [
        *("mongod", "scheduler", "frontend", "worker-node2", "worker-node3", "worker-node4"),
    ]


def test_the_log_of_each_is_found_in_the_state(deploy: Deploy) -> None:
    run = deploy(_config({"node[2-4]": {}}, 5), "hpc")
    found = logs({"type": one.type, "inputs": one.inputs} for one in run.resources)
    assert {name for name in found if name.startswith("worker")} == {f"worker-node{number}" for number in (2, 3, 4)}


def test_more_workers_than_were_tried_are_refused_by_up_and_told_by_a_preview(deploy: Deploy) -> None:
    hosts = f"node[{DISCOVERED}-{MOST_WORKERS + DISCOVERED}]"
    config = _config({hosts: {}}, MOST_WORKERS + DISCOVERED + 1)
    told = f"mspass:cluster.pool.workers: {MOST_WORKERS + 1} nodes: expected at most {MOST_WORKERS} for now: "
    preview = deploy(config, "hpc", preview=True)
    assert not preview.error
    assert any(line.startswith(told) for line in preview.log)
    refused = deploy(config, "hpc")
    assert told in refused.error
    assert not refused.resources


@pytest.mark.parametrize("workers", [MOST_WORKERS, 1])
def test_as_many_as_were_tried_come_up_without_a_word(deploy: Deploy, workers: int) -> None:
    assert not _many(deploy, workers, preview=False).log
