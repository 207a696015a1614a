"""A sharded database on one machine, natively: several mongods with ports of their own."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.clients import expect_whole, listening, spread, write_documents
from tests.harness.mongod import mongos_on_path
from tests.harness.ports import free_ports
from tests.harness.project import Project, Stack

DOCUMENTS = 1000


def sharded(**more: Any) -> dict[str, Any]:
    """Return the cluster of a sharded desktop; its ports count on from the first of seven."""
    port = free_ports(7)[0]
    return {
        **more,
        "workdir": "./work",
        "hosts": {"desktop": {}},
        "database": {
            "router": ["desktop"],
            "shards": {"a": ["desktop"], "b": ["desktop"]},
            "collections": {"mspass.arrival": "_id"},
            "cache": "256MiB",
            "port": port,
        },
        "pool": {"host": "desktop", "workers": {"desktop": {"processes": 2, "memory": "1GiB"}}},
        "frontend": {"host": "desktop"},
    }


@pytest.fixture(scope="module")
def stack(project: Project) -> Iterator[Stack]:
    project.environment["PATH"] = mongos_on_path(project.path / "bin", project.environment["PATH"])
    stack = Stack(project, "sharded", sharded(), keep_database_port=True)
    stack.up()
    yield stack


def _shards(stack: Stack, **shards: list[str]) -> None:
    stack.cluster["database"]["shards"] = shards
    stack.write()
    stack.up()


def test_it_verifies_and_a_second_up_changes_nothing(stack: Stack) -> None:
    write_documents(stack, DOCUMENTS)
    stack.expect_unchanged()
    expect_whole(stack, DOCUMENTS)
    assert set(spread(stack)) == {"a", "b"}


def test_a_shard_more_and_a_shard_less_restart_nobody_else(stack: Stack) -> None:
    before = stack.runs()
    here = ["desktop"]
    stack.cluster["database"]["ports"] = {"c": stack.cluster["database"]["port"] + 4}
    _shards(stack, a=here, b=here, c=here)
    expect_whole(stack, DOCUMENTS)
    _shards(stack, a=here, c=here)
    after = stack.runs()
    assert {name for name, run in before.items() if after.get(name) != run} == {"shard-b-desktop"}
    expect_whole(stack, DOCUMENTS)
    assert set(spread(stack)) == {"a", "c"}


def test_kept_data_open_on_other_ports(stack: Stack) -> None:
    """Config server and shards name each other by address and port."""
    stack.destroy()
    assert not listening(stack.ports())
    stack.cluster["database"]["port"], stack.cluster["database"]["ports"] = free_ports(7)[0], {}
    stack.write()
    stack.up()
    expect_whole(stack, DOCUMENTS)
    stack.destroy()
