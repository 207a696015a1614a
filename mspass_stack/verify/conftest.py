"""`mspass-stack verify`: does each role of a deployed stack do its job, seen from outside?

One file per part; a part that the stack does not have is not collected, so that nothing is skipped.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mspass_stack.errors import NotUpError
from mspass_stack.spec.inventory import Entry
from mspass_stack.verify.deployed import DEPLOYED, Deployed
from mspass_stack.verify.inspector import ProcessInspector, inspect
from mspass_stack.verify.pool import Pool, ask
from mspass_stack.verify.spark import Spark, run_application

MONGODB = ("db", "dbmanager", "shard")

PARTS: dict[str, Callable[[Entry, Deployed], bool]] = {
    "database": lambda entry, _: entry.serves == "database",
    "mongodb": lambda entry, _: entry.role in MONGODB,
    "replica_set": lambda entry, _: bool(entry.replica_set),
    "router": lambda entry, _: entry.serves == "database" and entry.role == "dbmanager",
    "shard": lambda entry, _: entry.role == "shard",
    "scheduler": lambda entry, _: entry.kind == "scheduler",
    "worker": lambda entry, _: entry.kind == "worker",
    "spark_master": lambda entry, _: entry.kind == "spark-master",
    "spark_worker": lambda entry, _: entry.kind == "spark-worker",
    "frontend": lambda entry, _: entry.role == "frontend",
    "encryption": lambda entry, deployed: entry.role in MONGODB and "mongodb" in deployed.inventory.encrypted,
    "open_ports": lambda _, deployed: deployed.is_open_to_others,
}
"""The processes that each file is about, by its name; the others are about all."""


def pytest_configure(config: pytest.Config) -> None:
    stack = config.getoption("--stack", None)
    if not stack:
        raise pytest.UsageError("which stack? --stack NAME")
    try:
        config.stash[DEPLOYED] = deployed = Deployed.of(stack)
    except NotUpError as error:
        pytest.exit(str(error), returncode=2)
    for host in deployed.inventory.hosts.values():
        if host.connection.engine:
            os.environ["DOCKER_HOST"] = host.connection.engine  # testinfra asks the client


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    return (collection_path.name.startswith("test_") and not _entries(config, collection_path)) or None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test that asks for a `process` runs for every process of its file's part, one that asks for a `place` for
    every host (`host` is a fixture of testinfra's own)."""
    if "process" in metafunc.fixturenames:
        entries = _entries(metafunc.config, metafunc.definition.path)
        metafunc.parametrize("process", entries, ids=[entry.name for entry in entries])
    if "place" in metafunc.fixturenames:
        metafunc.parametrize("place", list(metafunc.config.stash[DEPLOYED].inventory.hosts))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """What was not looked at, and why: never silent."""
    for note in config.stash[DEPLOYED].notes:
        terminalreporter.write_line(note)


@pytest.fixture
def deployed(pytestconfig: pytest.Config) -> Deployed:
    return pytestconfig.stash[DEPLOYED]


@pytest.fixture
def inspector(process: Entry, deployed: Deployed) -> ProcessInspector:
    """A look at the process under its runtime, the same one for all that is asked about it."""
    if process.name not in deployed.inspectors:
        deployed.inspectors[process.name] = inspect(process, deployed.inventory)
    return deployed.inspectors[process.name]


@pytest.fixture(scope="session")
def pool(pytestconfig: pytest.Config) -> Pool:
    """What a task on each Dask worker saw; asked once."""
    return ask(pytestconfig.stash[DEPLOYED])


@pytest.fixture(scope="session")
def spark(pytestconfig: pytest.Config) -> Spark:
    """What tasks of an application saw on Spark's executors; asked once."""
    return run_application(pytestconfig.stash[DEPLOYED])


def _everybody(_: Entry, __: Deployed) -> bool:
    return True


def _entries(config: pytest.Config, path: Path) -> list[Entry]:
    deployed = config.stash[DEPLOYED]
    belongs = PARTS.get(path.stem.removeprefix("test_"), _everybody)
    return [entry for entry in deployed.inventory.processes if belongs(entry, deployed)]
