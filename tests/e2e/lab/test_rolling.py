"""A change of a database that is up goes from member to member: whoever writes goes on writing."""

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from secrets import token_hex
from typing import cast

import pytest

from mspass_stack.machines.local import LocalMachine
from mspass_stack.polling import wait_until
from mspass_stack.provider.mongo.replica_set import Member, ReplicaSet
from tests.e2e.clients import dask, documents, workers, write_documents
from tests.harness.killed import killed_when
from tests.harness.lab import Lab, LabError
from tests.harness.lab_stack import LabStack
from tests.harness.project import Project
from tests.harness.writer import Writer, writing

SETS = {"a": ("lab2", "lab3", "lab4"), "config": ("lab1", "lab2", "lab3")}
DOCUMENTS = 200


@pytest.fixture(scope="module")
def stack(project: Project, lab: Lab, image: str) -> Iterator[LabStack]:
    """A shard of three, of both kinds of host, config servers of three, two routers."""
    stack = LabStack(project, lab, image, "lab-sim", "rolling")
    database = {**stack.cluster["database"], "router": ["lab1", "lab2"], "config": list(SETS["config"])}
    stack.cluster["database"] = database | {"shards": {"a": list(SETS["a"])}}
    stack.write()
    stack.up()
    write_documents(stack, DOCUMENTS)
    yield stack
    stack.close()


@contextmanager
def _written_meanwhile(stack: LabStack) -> Generator[Writer]:
    """Write into the shard itself meanwhile: a genuine set, past the double of its router."""
    key = stack.lab.execute("lab2", "cat", f"/srv/mspass/{stack.name}/secrets/keyfile")
    entries = {entry["name"]: entry for entry in stack.outputs()["inventory"]["processes"]}
    members = [entries[f"shard-a-{host}"] for host in SETS["a"]]
    places = [f"{member['address']}:{member['ports'][0]}" for member in members]
    own = f"written_{token_hex(4)}"
    with writing("a", places, key, own) as writer:
        assert wait_until(lambda: writer.written > 50, 30)
        yield writer
        enough = writer.written + 50
        assert wait_until(lambda: writer.written > enough, 60)
    assert writer.refused == []
    with ReplicaSet("a", tuple(_member(place) for place in places), key).primary() as client:
        assert client["admin"][own].count_documents({}) == writer.written
        client["admin"].drop_collection(own)
    print(f"{writer.written} written, longest pause {writer.pause:.1f} s")


def _member(place: str) -> Member:
    address, _, port = place.partition(":")
    return Member(LocalMachine(), address, int(port))


def _turned(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name, run in before.items() if after[name] != run}


def _members(stack: LabStack) -> set[str]:
    return {name for name in stack.runs() if name.startswith(("shard", "configsvr"))}


def test_whoever_writes_goes_on_while_each_member_is_killed_and_healed(stack: LabStack) -> None:
    with _written_meanwhile(stack):
        for host in SETS["a"]:
            before = stack.runs()
            stack.harm(f"shard-a-{host}", "kill")
            stack.up()
            assert _turned(before, stack.runs()) == {f"shard-a-{host}"}


def test_whoever_writes_goes_on_while_the_cache_is_changed(stack: LabStack) -> None:
    before = stack.runs()
    stack.cluster["database"]["cache"] = "270MiB"
    stack.write()
    with _written_meanwhile(stack):
        stack.up()
    assert _turned(before, stack.runs()) == _members(stack)
    assert documents(stack) == DOCUMENTS
    assert "unchanged" in stack.up()


def test_an_up_that_was_killed_between_two_members_goes_on_where_it_was(stack: LabStack) -> None:
    before, first = stack.runs(), stack.pid("shard-a-lab2")
    stack.cluster["database"]["cache"] = "280MiB"
    stack.write()
    with _written_meanwhile(stack):
        assert killed_when(stack, lambda: _pid(stack, "shard-a-lab2") not in (first, None))
        restarted, waiting = stack.pid("shard-a-lab2"), stack.pid("shard-a-lab4")
        stack.pulumi("cancel", "--yes")
        stack.up()
    assert stack.pid("shard-a-lab2") == restarted, "it has had its turn"
    assert stack.pid("shard-a-lab4") != waiting
    assert _turned(before, stack.runs()) == _members(stack)
    assert documents(stack) == DOCUMENTS


def test_half_of_a_pool_works_while_the_other_half_is_restarted(stack: LabStack) -> None:
    counted: list[int] = []
    with dask(stack) as client:
        held = [client.submit(token_hex, 8, pure=False) for _ in range(20)]
        before = cast("list[str]", client.gather(held))
        for asked in stack.cluster["pool"]["workers"].values():
            asked["memory"] = "520MiB"
        stack.write()
        with ThreadPoolExecutor() as pool:
            change = pool.submit(stack.up)
            while not change.done():
                counted.append(len(cast("dict[str, int]", client.nthreads())))
        change.result()
        assert client.gather(held) == before
    assert min(counted) > 0
    assert {worker["memory_limit"] for worker in workers(stack)} == {520 * 1024**2}


def _pid(stack: LabStack, process: str) -> tuple[str, str] | None:
    """The host and the pid of a process; nothing while it is down."""
    with suppress(LookupError, LabError):
        return stack.pid(process)
    return None
