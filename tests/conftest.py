"""In CI a skipped test has failed: nobody reads the reason there. Files run side by side, Docker's one by one."""

import os

import pytest

LONGEST = ("docker", "lab", "stacks")
"""The folders whose tests begin first, so that none of them is left over for the end."""

# A lab of its own for each process of the tests; `tests/harness/lab/network.py` reads it when it is imported.
os.environ.setdefault("MSPASS_LAB", str(1 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter and reporter.stats.get("skipped"):
        reporter.write_line("\na skipped test is a failure where CI is set", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """For `--dist loadgroup`: a file's tests share a stack or a lab, all of Docker's an engine."""
    ranks = {folder: rank for rank, folder in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path.parent.name, len(ranks)))
    for item in items:
        folder = item.path.parent.name
        item.add_marker(pytest.mark.xdist_group("docker" if folder == "docker" else f"{folder}/{item.path.stem}"))
