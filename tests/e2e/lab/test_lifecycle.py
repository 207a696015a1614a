"""The life of a sharded lab: up, unchanged, grown, shrunk, edits refused, down, renumbered, up again on its data."""

from pathlib import Path
from secrets import token_hex
from typing import Any, cast

import pytest

from tests.e2e.clients import dask, expect_running, expect_whole, spread, workers, write_documents
from tests.harness.lab import Lab
from tests.harness.lab_stack import LabStack


def _edited(stack: LabStack, **changes: Any) -> set[str]:
    """`up` after an edit; the processes of before that are others now, or gone."""
    before = stack.runs()
    stack.cluster |= changes
    stack.write()
    stack.up()
    after = stack.runs()
    return {name for name, run in before.items() if after.get(name) != run}


def _reached(stack: LabStack, host: str, **ssh: str) -> None:
    """Write another way to a host."""
    known = stack.cluster["hosts"][host]
    stack.cluster["hosts"][host] = {**known, "ssh": {**known["ssh"], **ssh}}
    stack.write()


def _database(stack: LabStack, **changes: Any) -> dict[str, Any]:
    return {**stack.cluster["database"], **changes}


def _address(lab: Lab, number: int) -> str:
    """An address in the lab's own network."""
    return f"{lab.address('lab1').rpartition('.')[0]}.{number}"


def _pool(stack: LabStack, **workers: Any) -> dict[str, Any]:
    return {**stack.cluster["pool"], "workers": workers}


def test_from_nothing_to_verified_in_one_up(sharded: LabStack) -> None:
    write_documents(sharded, 2000)
    expect_whole(sharded, 2000)
    assert all(count > 0 for count in spread(sharded).values())
    assert set(spread(sharded)) == {"a", "b"}


def test_another_way_to_a_host_restarts_nothing(sharded: LabStack) -> None:
    runs = sharded.runs()
    _reached(sharded, "lab4", jump=f"{sharded.lab.user}@{sharded.lab.address('lab1')}")
    sharded.up()
    assert sharded.runs() == runs
    sharded.find_hosts()
    sharded.up()


def test_an_ssh_user_who_does_not_own_the_files_is_refused(sharded: LabStack) -> None:
    """Root's files could not be read by the containers, which run as the owner."""
    runs = sharded.runs()
    _reached(sharded, "lab4", user="root")
    output = sharded.refused_up()
    assert f"host 'lab4': mspass:cluster.datadir: {sharded.directory} belongs to uid 1000" in output
    assert sharded.runs() == runs
    sharded.find_hosts()
    sharded.up()


def test_a_worker_host_comes_and_goes_and_everybody_else_stays(sharded: LabStack) -> None:
    few, more = {"processes": 1, "memory": "512MiB"}, {"processes": 2, "memory": "512MiB"}
    assert _edited(sharded, pool=_pool(sharded, lab2=few, lab3=few, lab4=more)) == set()
    assert len(workers(sharded)) == 4
    assert _edited(sharded, pool=_pool(sharded, lab3=few, lab4=more)) == {"worker-lab2"}
    assert len(workers(sharded)) == 3


def test_no_result_is_lost_when_the_pool_shrinks(sharded: LabStack) -> None:
    few, more = {"processes": 1, "memory": "512MiB"}, {"processes": 2, "memory": "512MiB"}
    with dask(sharded) as client:
        known = cast("dict[str, Any]", client.scheduler_info(n_workers=-1)["workers"])
        addresses = [address for address, worker in known.items() if str(worker["name"]).startswith("worker-lab4")]
        # A result that only one worker holds, and that cannot be computed again to the same value.
        held = [client.submit(token_hex, 8, workers=[addresses[n % 2]], pure=False) for n in range(20)]
        before = cast("list[Any]", client.gather(held))
        assert _edited(sharded, pool=_pool(sharded, lab3=few, lab4=few)) == {"worker-lab4"}
        assert client.gather(held) == before
        assert _edited(sharded, pool=_pool(sharded, lab3=few)) == {"worker-lab4"}
        assert client.gather(held) == before
    _edited(sharded, pool=_pool(sharded, lab3=few, lab4=more))


def test_a_shard_is_added_live_and_drained_before_it_goes(sharded: LabStack) -> None:
    write_documents(sharded, 2000)
    shards = sharded.cluster["database"]["shards"]
    assert _edited(sharded, database=_database(sharded, shards={**shards, "c": ["lab4"]})) == set()
    expect_running(sharded, 2000)
    kept = {"a": ["lab2"], "c": ["lab4"]}
    assert _edited(sharded, database=_database(sharded, shards=kept)) == {"shard-b-lab3"}
    assert set(spread(sharded)) == {"a", "c"}
    expect_whole(sharded, 2000)


def test_a_shard_gets_another_member_and_may_then_leave_its_first_host(sharded: LabStack) -> None:
    wider = {"a": ["lab2", "lab3"], "c": ["lab4"]}
    _edited(sharded, database=_database(sharded, shards=wider))
    expect_running(sharded, 2000)
    moved = {"a": ["lab3"], "c": ["lab4"]}
    assert _edited(sharded, database=_database(sharded, shards=moved)) >= {"shard-a-lab2"}
    expect_running(sharded, 2000)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a shard that moves": (
        {"shards": {"a": ["lab2"], "c": ["lab4"]}},
        "mspass:cluster.database.shards.a: a shard does not move from 'lab3' to 'lab2' by an edit. Either add",
    ),
    "another shard key": (
        {"collections": {"mspass.arrival": "time"}},
        "mspass:cluster.database.collections.mspass.arrival: 'time': it is sharded by '_id'",
    ),
}


@pytest.mark.parametrize("edit", REFUSED)
def test_what_would_lose_documents_is_refused_in_the_preview(sharded: LabStack, edit: str) -> None:
    changes, expected = REFUSED[edit]
    runs, good = sharded.runs(), sharded.cluster["database"]
    sharded.cluster["database"] = {**good, **changes}
    sharded.write()
    for words in (("preview",), ("up", "--yes", "--skip-preview")):
        ran = sharded.pulumi(*words)
        assert ran.returncode != 0, ran.stdout
        assert expected in ran.stdout
        assert "Traceback" not in ran.stdout
    sharded.cluster["database"] = good
    sharded.write()
    sharded.expect_unchanged()
    assert sharded.runs() == runs


def test_spark_takes_dasks_place_on_native_hosts_and_in_containers(sharded: LabStack) -> None:
    before, pool = sharded.runs(), sharded.cluster["pool"]
    sharded.cluster["pool"] = {**pool, "scheduler": "spark"}
    sharded.write()
    sharded.up()
    sharded.expect_unchanged()
    ran = sharded.ask("verify", "-q", "-k", "spark or versions")
    assert ran.returncode == 0, ran.stdout
    kept = {name for name, run in sharded.runs().items() if before.get(name) == run}
    assert {name.partition("-")[0] for name in before} - {name.partition("-")[0] for name in kept} == {
        "frontend",
        "scheduler",
        "worker",
    }
    sharded.cluster["pool"] = pool
    sharded.write()


def test_destroy_keeps_the_data_which_open_on_hosts_with_other_addresses(sharded: LabStack, lab: Lab) -> None:
    write_documents(sharded, 3000)
    sharded.destroy()
    assert sharded.running() == {}
    for name in lab.names[:4]:
        left = lab.execute(name, "sh", "-c", f"ls -A {sharded.directory}").split()
        assert not {"secrets", "tls", "ca.pem", "run", ".mspass-stack"} & set(left)
    assert not Path(sharded.directory).exists(), "what clients on the control node are told by that path"
    whole = sharded.cluster["database"]
    sharded.cluster["database"] = {**whole, "shards": {"a": whole["shards"]["a"]}}
    sharded.write()
    assert "mspass:cluster.database.shards.c: missing: the kept data have it" in sharded.refused_up()
    sharded.cluster["database"] = whole
    sharded.destroy()
    for number, name in enumerate(lab.names):
        lab.renumber(name, _address(lab, 111 + number))
    sharded.find_hosts()
    sharded.up()
    expect_running(sharded, 3000)
    sharded.expect_unchanged()


def test_hosts_are_renumbered_under_a_stack_that_is_up(sharded: LabStack, lab: Lab) -> None:
    for number, name in enumerate(lab.names):
        lab.renumber(name, _address(lab, 11 + number))
    sharded.find_hosts()
    sharded.up("--refresh=false")
    expect_whole(sharded, 3000)
    sharded.destroy()
    assert sharded.running() == {}
