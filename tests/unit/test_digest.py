"""The digest of a process: what a restart is for, and nothing else."""

from typing import Any

import pytest

from mspass_stack.spec.gpus import Gpus
from mspass_stack.spec.probe import Probe
from mspass_stack.spec.process import ContainedProcess, ProcessBase, SupervisedProcess
from mspass_stack.spec.stage import Bind

FIELDS: dict[str, Any] = {
    "name": "mongod",
    "role": "db",
    "host": "n1",
    "stack_dir": "/d",
    "order": 100,
    "argv": ("mongod", "--port", "27017"),
    "environment": {"A": "1"},
    "env_files": ("/d/secrets/client.env",),
    "path": ("/py/bin",),
    "directory": "/d/db",
    "address": "10.0.0.1",
    "ports": (27017,),
    "stop_signal": "TERM",
    "stop_grace": 120,
    "reads": ("/d/secrets/keyfile",),
    "writes": ("/d/db",),
    "memory": 1024**3,
    "cpus": 2,
    "probe": Probe(kind="mongo", host="n1", address="10.0.0.1", port=27017),
}
SUPERVISED = SupervisedProcess(**FIELDS, python="/py/bin/python")
CONTAINED = ContainedProcess(
    **FIELDS, container="mspass-lab-mongod", entrypoint=("/bin/sh", "-c", 'exec "$@"', "sh"), health=("true",)
)
PROCESSES = {"supervised": SUPERVISED, "contained": CONTAINED}
SECRETS = {"/d/secrets/keyfile": "of the key file"}

RESTARTS: dict[str, Any] = {
    "name": "other",
    "argv": ("mongod", "--port", "27018"),
    "environment": {"A": "2"},
    "env_files": (),
    "path": (),
    "directory": "/w",
    "reads": (),
    "writes": ("/d/db", "/w"),
    "container": "mspass-lab-other",
    "entrypoint": ("/bin/sh",),
    "wrapper": ("nice",),
    "binds": (Bind(source="/d/stage/in/w", target="/tmp/w"),),
}
"""A change of these restarts a process."""

RESTARTS_NOBODY: dict[str, Any] = {
    "schema_": 1,
    "manager": "",
    "role": "shard",
    "host": "n2",
    "stack_dir": "/e",
    "order": 105,
    "address": "10.0.0.2",
    "ports": (27017, 1),
    "stop_signal": "INT",
    "stop_grace": 60,
    "python": "/other/python",
    "probe": Probe(kind="mongo", host="n1", address="10.0.0.1", port=27017, deadline=600),
    "health": ("false",),
}
"""A change of these alone restarts nobody."""

LIMITS: dict[str, Any] = {"memory": 0, "cpus": 0, "gpus": Gpus(count=1)}
"""A change of these restarts whom the runtime holds to them: a container."""


def _changed(process: ProcessBase, changes: dict[str, Any], field: str) -> ProcessBase:
    return process.model_copy(update={field: changes[field]})


@pytest.mark.parametrize("process", PROCESSES.values(), ids=PROCESSES)
def test_of_every_field_it_is_settled_whether_it_restarts_its_process(process: ProcessBase) -> None:
    fields = set(type(process).model_fields)
    assert not set(RESTARTS) & set(RESTARTS_NOBODY)
    assert fields <= set(RESTARTS) | set(RESTARTS_NOBODY) | set(LIMITS)


@pytest.mark.parametrize("field", RESTARTS)
def test_what_a_restart_is_for_changes_the_digest(field: str) -> None:
    processes = [process for process in PROCESSES.values() if field in type(process).model_fields]
    assert processes
    for process in processes:
        assert _changed(process, RESTARTS, field).digest(SECRETS) != process.digest(SECRETS)


@pytest.mark.parametrize("field", RESTARTS_NOBODY)
def test_deadlines_order_and_connection_change_no_digest(field: str) -> None:
    processes = [process for process in PROCESSES.values() if field in type(process).model_fields]
    assert processes
    for process in processes:
        assert _changed(process, RESTARTS_NOBODY, field).digest(SECRETS) == process.digest(SECRETS)


@pytest.mark.parametrize("field", LIMITS)
def test_limits_restart_whom_they_hold(field: str) -> None:
    assert _changed(CONTAINED, LIMITS, field).digest(SECRETS) != CONTAINED.digest(SECRETS)
    assert _changed(SUPERVISED, LIMITS, field).digest(SECRETS) == SUPERVISED.digest(SECRETS)


class NewerSupervised(SupervisedProcess):
    """A process of a later version, which has a field more."""

    priority: int = 0


class NewerContained(ContainedProcess):
    """A container of a later version, which has a field more."""

    priority: int = 0


@pytest.mark.parametrize(
    ("newer", "process"), [(NewerSupervised, SUPERVISED), (NewerContained, CONTAINED)], ids=PROCESSES
)
def test_a_field_that_is_added_with_a_default_changes_the_digest_of_nobody_who_leaves_it_there(
    newer: type[NewerSupervised | NewerContained], process: ProcessBase
) -> None:
    upgraded = newer.model_validate(process.dump())
    assert upgraded.digest(SECRETS, "stack") == process.digest(SECRETS, "stack")
    changed = upgraded.model_copy(update={"priority": 1})
    assert changed.digest(SECRETS, "stack") != process.digest(SECRETS, "stack")


def test_a_secret_the_stack_and_the_files_of_a_process_change_its_digest() -> None:
    digest = SUPERVISED.digest(SECRETS, "stack")
    assert SUPERVISED.digest({"/d/secrets/keyfile": "another"}, "stack") != digest
    assert SUPERVISED.digest({}, "stack") != digest
    assert SUPERVISED.digest(SECRETS, "other stack") != digest


def test_the_digest_is_the_same_in_whatever_order_a_mapping_is_written() -> None:
    one = SUPERVISED.model_copy(update={"environment": {"A": "1", "B": "2"}})
    other = SUPERVISED.model_copy(update={"environment": {"B": "2", "A": "1"}})
    assert one.digest({"/a": "1", "/b": "2"}) == other.digest({"/b": "2", "/a": "1"})


def test_the_digest_of_this_version_is_this_one() -> None:
    """Of values that never change: another digest here restarts every process of every stack on an upgrade."""
    assert SUPERVISED.digest(SECRETS, "stack") == "ac5b122409b63bd1"
    assert CONTAINED.digest(SECRETS, "stack") == "9d33298e3d514ef6"
