"""`pytest tests/verify --stack NAME`: does each role of a deployed stack do its job, seen from outside?

One file per role; a role that the stack does not have is not collected, so that nothing is skipped.
"""

import os
from pathlib import Path

import pytest

from mspass_stack.inventory import Entry
from mspass_stack.status import NotUpError
from tests.verify.deployed import Deployed
from tests.verify.pool import Pool, ask
from tests.verify.sight import Sight, look_at

ROLES = ("db", "scheduler", "worker", "frontend")

DEPLOYED = pytest.StashKey[Deployed]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--stack", metavar="NAME", help="the deployed stack to verify")


def pytest_configure(config: pytest.Config) -> None:
    stack = config.getoption("--stack", None)
    if not stack:
        raise pytest.UsageError("which stack? pytest tests/verify --stack NAME")
    try:
        config.stash[DEPLOYED] = deployed = Deployed.of(stack)
    except NotUpError as error:
        raise pytest.UsageError(str(error)) from error
    for engine in {process.engine for process in deployed.inventory.processes if process.engine}:
        os.environ["DOCKER_HOST"] = engine  # testinfra asks the client


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    role = collection_path.stem.removeprefix("test_")
    return (role in ROLES and not config.stash[DEPLOYED].inventory.playing(role)) or None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test that asks for a `process` runs for every process of its file's role, or for all."""
    if "process" in metafunc.fixturenames:
        inventory = metafunc.config.stash[DEPLOYED].inventory
        role = metafunc.definition.path.stem.removeprefix("test_")
        entries = inventory.playing(role) if role in ROLES else inventory.processes
        metafunc.parametrize("process", entries, ids=[entry.name for entry in entries])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """What was not looked at, and why: never silent."""
    for note in config.stash[DEPLOYED].notes:
        terminalreporter.write_line(note)


@pytest.fixture
def deployed(pytestconfig: pytest.Config) -> Deployed:
    return pytestconfig.stash[DEPLOYED]


@pytest.fixture
def sight(process: Entry) -> Sight:
    """A look at the process under its runtime."""
    return look_at(process)


@pytest.fixture(scope="session")
def pool(pytestconfig: pytest.Config) -> Pool:
    """What a task on each Dask worker saw; asked once."""
    return ask(pytestconfig.stash[DEPLOYED])
