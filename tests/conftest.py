"""In CI a skipped test has failed: nobody reads the reason there. Files run side by side, Docker's one by one."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

from tests.harness.docker_plugin.warm import warm

LONGEST = ("docker", "lab", "native")
"""The folders whose tests begin first, so that none of them is left over for the end."""

# A lab of its own for each process of the tests; `tests/harness/lab/network.py` reads it when it is imported.
os.environ["MSPASS_LAB"] = str(1 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")))


# The machine is busy with everything else that is tested.
settings.register_profile("busy", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


class Together(LoadScopeScheduling):
    """A file's tests share a stack or a lab and run in one process; all of Docker's share an engine."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return "docker" if path.startswith("tests/e2e/docker/") else path


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    config.option.loadscopereorder = False
    return Together(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ranks = {directory: rank for rank, directory in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path.parent.name, len(ranks)))


@pytest.fixture(scope="session")
def warm_plugins() -> Iterator[None]:
    with warm():
        yield


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter and reporter.stats.get("skipped"):
        reporter.write_line("\na skipped test is a failure where CI is set", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
