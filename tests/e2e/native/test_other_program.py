"""The docs' program of somebody else, as it stands there, in a project of its own."""

import re
from pathlib import Path
from typing import cast

import pytest
from distributed import Client

from tests.e2e.clients import listening, mongo
from tests.harness.ports import free_ports
from tests.harness.project import PULUMI, ROOT, Project

PAGE = ROOT / "docs" / "getting-started" / "own-program.md"


@pytest.fixture
def program(project: Project) -> Path:
    """A Pulumi project that knows this one only as an installed package."""
    block = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert block
    # The one change: ports that are free on this machine.
    database, scheduler, dashboard = free_ports(3)
    code = block[1].replace('"db": "here"', f'"db": "here", "port": {database}')
    code = code.replace('"pool": {', f'"pool": {{"port": {scheduler}, "dashboard": {dashboard}, ')
    path = project.path / "theirs"
    path.mkdir()
    (path / "Pulumi.yaml").write_text("name: theirs\nruntime: python\n")
    (path / "__main__.py").write_text(code + 'pulumi.export("scheduler", pool.scheduler_address)\n')
    return path


def test_the_components_serve_a_program_of_somebody_else(project: Project, program: Path) -> None:
    def pulumi(*words: str) -> str:
        # The plugin is found by its console script, which stands beside the project's python on PATH.
        ran = project.command(PULUMI, "--non-interactive", *words, cwd=program)
        assert ran.returncode == 0, ran.stdout
        return ran.stdout

    pulumi("stack", "init", "theirs")
    pulumi("up", "--yes", "--skip-preview")
    uri = pulumi("stack", "output", "databaseUri", "--show-secrets").strip()
    with Client(pulumi("stack", "output", "scheduler").strip(), timeout="10s", set_as_default=False) as client:
        assert len(cast("dict[str, int]", client.nthreads())) == 2
    with mongo(uri) as client:
        client["theirs"]["documents"].insert_one({"n": 1})
    pulumi("destroy", "--yes", "--skip-preview")
    assert listening([int(uri.split(":")[3].split("/")[0])]) == set()
