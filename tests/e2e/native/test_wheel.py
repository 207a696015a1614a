"""The package without a clone: a wheel in an environment of its own, and a Pulumi CLI on PATH."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.e2e.clients import listening
from tests.harness.ports import free_ports
from tests.harness.project import LIMIT, PULUMI, ROOT, end_processes, is_unchanged

UV = Path(sys.executable).with_name("uv")


def run(*words: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None) -> str:
    ran = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=LIMIT, cwd=cwd, env=env)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


class Installed:
    """The wheel in an environment that is not activated, and a folder for a project."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.project = folder, folder / "mine"
        run(UV, "build", "--quiet", "--wheel", "--out-dir", folder / "dist", ROOT)
        (wheel,) = (folder / "dist").glob("*.whl")
        run(UV, "venv", "--quiet", "--python", sys.executable, folder / "environment")
        python = folder / "environment" / "bin" / "python"
        requirement = f"mspass-stack[native,mongod,verify] @ {wheel.as_uri()}"
        lock = ("--constraint", ROOT / "requirements.lock")
        run(UV, "pip", "install", "--quiet", "--python", python, requirement, *lock)
        pulumi = run(ROOT / "scripts" / "install-pulumi", sys.executable).splitlines()[-1]
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PULUMI_", "MSPASS_"))}
        self.environment = {
            **kept,
            "PATH": f"{pulumi}:/usr/bin:/bin",
            "DOCKER_HOST": "unix:///nowhere",
        }

    def __call__(self, *words: str | Path) -> str:
        """Run `mspass-stack` in the project, once there is one."""
        here = self.project if self.project.exists() else self.folder
        program = self.folder / "environment" / "bin" / "mspass-stack"
        return run(program, *words, cwd=here, env=self.environment)


@pytest.fixture(scope="module")
def mspass_stack() -> Iterator[Installed]:
    folder = Path(tempfile.mkdtemp(prefix="mspass #"))
    try:
        yield Installed(folder)
    finally:
        end_processes(folder)
        shutil.rmtree(folder)


def test_a_wheel_and_a_pulumi_cli_are_enough(mspass_stack: Installed) -> None:
    assert "mine is ready" in mspass_stack("init", "mine")
    ports = free_ports(4)
    file = mspass_stack.project / "stacks" / "Pulumi.desktop.yaml"
    config = yaml.safe_load(file.read_text())
    cluster = config["config"]["mspass:cluster"]
    assert cluster["runtime"] == "native"
    cluster["database"]["port"], cluster["frontend"]["port"] = ports[:2]
    cluster["pool"] |= {"port": ports[2], "dashboard": ports[3]}
    file.write_text(yaml.safe_dump(config))
    mspass_stack("pulumi", "up", "-s", "desktop", "--yes", "--skip-preview")
    assert listening(ports) == set(ports)
    assert is_unchanged(mspass_stack("pulumi", "up", "-s", "desktop", "--yes", "--skip-preview"))
    # A user's own settings of pytest are none of the suite's.
    (mspass_stack.project / "pytest.ini").write_text("[pytest]\naddopts = --nonsense\n")
    mspass_stack.environment["PYTEST_ADDOPTS"] = "--nonsense"
    assert " passed" in mspass_stack("verify", "-q").splitlines()[-1]
    del mspass_stack.environment["PYTEST_ADDOPTS"]
    (mspass_stack.folder / "hello.py").write_text("import os\nprint('hello', 'MSPASS_DB_ADDRESS' in os.environ)\n")
    assert "hello True" in mspass_stack("run", mspass_stack.folder / "hello.py")
    mspass_stack("pulumi", "destroy", "-s", "desktop", "--yes", "--skip-preview")
    assert listening(ports) == set()


def test_the_plugin_of_pytest_does_nothing_for_others(mspass_stack: Installed) -> None:
    (mspass_stack.folder / "test_own.py").write_text("def test_own(): pass\n")
    python = mspass_stack.folder / "environment" / "bin" / "python"
    shown = run(python, "-m", "pytest", "-q", "test_own.py", cwd=mspass_stack.folder, env=mspass_stack.environment)
    assert "1 passed" in shown
    without = {**mspass_stack.environment, "PATH": "/usr/bin:/bin"}
    program = mspass_stack.folder / "environment" / "bin" / "mspass-stack"
    ran = subprocess.run([program, "pulumi", "version"], env=without, capture_output=True, text=True)
    assert ran.returncode == 2
    assert "there is no pulumi on PATH" in ran.stderr


def test_our_own_pulumi_is_the_same_command() -> None:
    assert "mspass_stack pulumi" in PULUMI.read_text()
