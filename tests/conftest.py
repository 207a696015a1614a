"""In CI a skipped test has failed: nobody reads the reason there. Files run side by side, Docker's one by one."""

import os

import pytest


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter and reporter.stats.get("skipped"):
        reporter.write_line("\na skipped test is a failure where CI is set", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """For `--dist loadgroup`: a file's tests share a stack, all of Docker's an engine, all of the lab's its hosts."""
    for item in items:
        shared = {"docker", "lab"} & {item.path.parent.name}
        group = shared.pop() if shared else item.path.stem
        item.add_marker(pytest.mark.xdist_group(group))
