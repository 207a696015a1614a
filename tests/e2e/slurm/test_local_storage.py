"""Databases on the nodes' own disks: what a version has is there in every job, and what is lost is named."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from pymongo.errors import OperationFailure

from mspass_stack.polling import wait_until
from tests.harness.project import Project
from tests.harness.slurm import SlurmCluster
from tests.harness.slurm_stack import SlurmStack

HOSTS = ("node0", "node1", "node2")
"""Of the config server, and of the two shards."""

STOPPED = ("--signal=USR1", "--batch")
KILLED = ("--signal=KILL", "--full")


@pytest.fixture(scope="module")
def stack(project: Project, slurm: SlurmCluster) -> Iterator[SlurmStack]:
    """Two shards and Jupyter, on three of six nodes, up."""
    database = {
        "router": ["node0"],
        "shards": {"a": ["node1"], "b": ["node2"]},
        "collections": {"mspass.arrival": "_id"},
        "storage": "local",
    }
    config = {"database": database, "pool": None}
    stack = SlurmStack(project, slurm, "hpc-sharded", slurm={"nodes": 3}, config=config)
    stack.up()
    yield stack
    for job in stack.jobs():
        slurm.as_user("login", "scancel", *KILLED, job.split()[0])


@pytest.fixture(autouse=True)
def _all_nodes(slurm: SlurmCluster) -> Iterator[None]:  # pyright: ignore[reportUnusedFunction]
    yield
    for name, state in slurm.states().items():
        if state.startswith("drain"):
            slurm.resume(name)


def _insert(stack: SlurmStack, first: int, count: int = 200) -> None:
    with stack.database() as client:
        client["mspass"]["arrival"].insert_many([{"_id": number} for number in range(first, first + count)])


def _numbers(stack: SlurmStack) -> set[int]:
    with stack.database() as client:
        return {found["_id"] for found in client["mspass"]["arrival"].find({}, {"_id": 1})}


def _move_a_chunk(stack: SlurmStack) -> None:
    """Have documents go from one shard to the other: they are in the copy of the one, or of the other."""
    with stack.database(internal=True) as client:
        own = client["config"]["collections"].find_one({"_id": "mspass.arrival"})
        assert own
        chunk = client["config"]["chunks"].find_one({"uuid": own["uuid"], "shard": "a"})
        assert chunk

        def moved() -> bool:
            # A config server that has just become primary refuses it for a moment.
            with suppress(OperationFailure):
                client.admin.command("moveChunk", own["_id"], bounds=[chunk["min"], chunk["max"]], to="b")
                return True
            return False

        assert wait_until(moved, 60)


def _nodes(stack: SlurmStack) -> dict[str, str]:
    return {host: stack.node(host) for host in HOSTS}


def _end(stack: SlurmStack, how: tuple[str, ...]) -> str:
    """End its job; its id."""
    job = stack.job()
    stack.on.as_user("login", "scancel", *how, job)
    assert wait_until(lambda: not stack.jobs(), 120, 0.3), stack.log()
    return job


def _up_elsewhere(stack: SlurmStack, former: dict[str, str]) -> str:
    for node in former.values():
        stack.on.drain(node)
    said = stack.up()
    assert not {*_nodes(stack).values()} & {*former.values()}
    return said


def _up_there(stack: SlurmStack, former: dict[str, str]) -> str:
    for node in {*stack.on.names} - {*former.values()}:
        stack.on.drain(node)
    said = stack.up()
    assert {*_nodes(stack).values()} == {*former.values()}
    return said


def _version(stack: SlurmStack) -> str:
    return stack.on.as_user("login", "cat", f"{stack.directory}/store/current", check=False).strip()


def _left(stack: SlurmStack, node: str) -> list[str]:
    """The data of runs that a node has on its own disk."""
    return stack.on.execute(node, "sh", "-c", "ls -d /tmp/mspass-*-data-*/*/data_*", check=False).split()


def _in_the_middle_of_a_checkpoint(stack: SlurmStack) -> str:
    """Have a copy of the next one wait, on node2; return where that data are."""
    (place,) = _left(stack, stack.node("node2"))
    # Who opens it waits for a writer.
    stack.on.as_user(stack.node("node2"), "mkfifo", f"{place}/zz")
    said = f"{stack.directory}/run/ensure/locked.json"
    assert wait_until(lambda: '"locked"' in stack.on.as_user("login", "cat", said, check=False), 120, 0.2), stack.log()
    return place


def _balancer(stack: SlurmStack) -> Any:
    answer = json.loads(stack.on.as_user("login", "cat", f"{stack.directory}/run/ensure/spec.json"))
    return answer["balanced"]


def test_an_ordered_stop_makes_a_version_that_the_next_job_has_on_other_nodes(stack: SlurmStack) -> None:
    assert stack.outputs()["durability"].startswith("local: ")
    assert _balancer(stack) is False
    _insert(stack, 0)
    former = _nodes(stack)
    assert [len(_left(stack, node)) for node in former.values()] == [1, 1, 1]
    job = _end(stack, STOPPED)
    assert "v1 stored" in stack.log()
    assert _version(stack) == "v1"
    assert not [left for node in former.values() for left in _left(stack, node)]
    said = _up_elsewhere(stack, former)
    assert f"job {job} ended by STOPPED" in said
    assert " lost" not in said
    assert _numbers(stack) == set(range(200))
    assert "\ndata: local: data of the last ordered stop; version v1 of " in stack.ask("status").stdout
    stack.expect_unchanged()


def test_all_killed_costs_what_came_after_the_last_version_and_is_named(stack: SlurmStack) -> None:
    _insert(stack, 1000)
    _move_a_chunk(stack)
    former = _nodes(stack)
    job = _end(stack, KILLED)
    said = _up_elsewhere(stack, former)
    assert f"what job {job} wrote since" in said
    assert f"data_shard_a_node1 on {former['node1']}" in said
    assert "is lost" in said
    assert "is lost" in stack.log()
    assert _numbers(stack) == set(range(200))


def test_all_killed_between_two_copies_costs_nothing_where_the_next_job_has_the_same_nodes(stack: SlurmStack) -> None:
    _insert(stack, 2000)
    _move_a_chunk(stack)
    former = _nodes(stack)
    (place,) = _left(stack, former["node2"])
    # Who opens it waits for a writer.
    stack.on.as_user(former["node2"], "mkfifo", f"{place}/zz")
    job, copies = stack.job(), f"{stack.directory}/store/v2"
    stack.on.as_user("login", "scancel", *STOPPED, job)
    done = f"{copies}/data_shard_a_node1.json"
    assert wait_until(lambda: stack.on.as_user("login", "ls", done, check=False), 60, 0.2), stack.log()
    _end(stack, KILLED)
    assert not stack.on.as_user("login", "ls", f"{copies}/data_shard_b_node2.json", check=False)
    assert _version(stack) == "v1"
    stack.on.as_user(former["node2"], "rm", f"{place}/zz")
    assert "is lost" not in _up_there(stack, former)
    assert "stored first" in stack.log()
    assert _numbers(stack) == {*range(200), *range(2000, 2200)}
    assert _version(stack) == "v2"


def test_a_copy_that_fails_leaves_the_former_version_of_all_and_the_data(stack: SlurmStack) -> None:
    _insert(stack, 3000)
    former = _nodes(stack)
    (place,) = _left(stack, former["node2"])
    stack.on.execute(former["node2"], "sh", "-c", f"umask 077; echo > {place}/unreadable")
    _end(stack, STOPPED)
    assert _version(stack) == "v2"
    assert "the data are not stored, and stay on" in stack.log()
    assert "the data are not stored, and stay on" in stack.ask("status").stdout
    stack.on.execute(former["node2"], "rm", f"{place}/unreadable")
    stack.pulumi("config", "set", "mspass:rescue", "true")
    said = stack.up()
    stack.pulumi("config", "rm", "mspass:rescue")
    assert {*_nodes(stack).values()} == {*former.values()}
    assert "the data are not stored, and stay on" in said
    assert _version(stack) == "v3"
    assert _numbers(stack) == {*range(200), *range(2000, 2200), *range(3000, 3200)}


def test_a_shard_is_not_added(stack: SlurmStack) -> None:
    database = stack.cluster["database"]
    shards = dict(database["shards"])
    database["shards"] = {**shards, "c": ["node2"]}
    stack.write()
    try:
        assert "mspass:cluster.database.shards.c: 'node2' is added" in stack.refused_up()
    finally:
        database["shards"] = shards
        stack.write()


def test_destroy_makes_a_version_of_all(stack: SlurmStack) -> None:
    _insert(stack, 4000)
    stack.cluster["database"]["checkpoint"] = "1m"
    stack.write()
    stack.destroy()
    assert _version(stack) == "v4"
    stack.up()
    assert 4199 in _numbers(stack)
    declared = "local: data of the last ordered stop or checkpoint (every 1m)"
    assert stack.outputs()["durability"] == declared
    assert f"\ndata: {declared}; version v4 of " in stack.ask("status").stdout


def test_writes_go_on_when_who_holds_the_servers_for_a_checkpoint_is_killed(stack: SlurmStack) -> None:
    place = _in_the_middle_of_a_checkpoint(stack)
    steps = stack.on.as_user("login", "squeue", "-h", "-s", "-o", "%i %j").splitlines()
    (step,) = [line.split()[0] for line in steps if line.endswith(" checkpoint")]
    stack.on.as_user("login", "scancel", "--signal=KILL", step)
    _insert(stack, 5000)
    stack.on.as_user(stack.node("node2"), "rm", f"{place}/zz")
    assert "no checkpoint was made: " in stack.ask("status").stdout
    assert _version(stack) == "v4"


def test_all_killed_costs_what_came_after_the_last_checkpoint_and_is_named(stack: SlurmStack) -> None:
    assert wait_until(lambda: _version(stack) == "v5", 180, 0.3), stack.log()
    _insert(stack, 6000)
    former = _nodes(stack)
    job = _end(stack, KILLED)
    said = _up_elsewhere(stack, former)
    assert f"what job {job} wrote since" in said
    assert "is lost" in said
    assert {4199, *range(5000, 5200)} <= _numbers(stack)
    assert 6000 not in _numbers(stack)


def test_all_killed_in_the_middle_of_a_checkpoint_costs_no_more(stack: SlurmStack) -> None:
    known, former = _numbers(stack), _nodes(stack)
    _in_the_middle_of_a_checkpoint(stack)
    _end(stack, KILLED)
    _up_elsewhere(stack, former)
    assert _version(stack) == "v5"
    assert _numbers(stack) == known
