"""What the docs say of starting over without the state, as it stands there."""

import re
import shutil

import pytest

from tests.e2e.clients import documents, write_documents
from tests.harness.project import PULUMI, ROOT, Project, Stack

PAGE = ROOT / "docs" / "troubles.md"

ENVIRONMENT = "make bootstrap"
"""The tests have their own."""


def _lines() -> list[str]:
    section = PAGE.read_text().partition("## Starting over without the state\n")[2]
    block = re.search(r"^```sh\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    assert block
    lines = (re.sub(r"\s+# .*", "", line) for line in block[1].splitlines())
    return [line for line in lines if line != ENVIRONMENT]


@pytest.mark.parametrize("lost", ["state", "passphrase"])
def test_the_data_open_again_when_the_state_or_its_passphrase_is_lost(desktop: Stack, lost: str) -> None:
    project, before = desktop.project, desktop.runs()
    write_documents(desktop, 100)
    if lost == "state":
        shutil.rmtree(project.path / ".state" / ".pulumi")
    else:
        project.environment["PULUMI_CONFIG_PASSPHRASE"] = "another"
    assert lost in desktop.refused_up() or "no stack named" in desktop.refused_up()
    forget, *lines = _lines()
    forgotten = _typed(project, forget)
    assert lost == "state" or forgotten[0] == 0, forgotten[1]
    for line in lines:
        status, said = _typed(project, line)
        assert status == 0, f"{line}: {said}"
    assert not set(before.values()) & set(desktop.runs().values())
    assert documents(desktop) == 100
    desktop.expect_unchanged()


def _typed(project: Project, line: str) -> tuple[int, str]:
    """Type a line, and yes where it asks."""
    path = f"{PULUMI.parent}:{project.environment['PATH']}"
    environment = project.environment | {"PATH": path, "PULUMI_SKIP_CONFIRMATIONS": "true"}
    ran = project.command("sh", "-c", line, env=environment)
    return ran.returncode, ran.stdout
