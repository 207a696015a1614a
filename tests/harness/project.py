"""A copy of the project as a user has it, with its own state, ports and data; nothing of it outlives the test."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Timer
from typing import Any

import psutil
import yaml

from tests.harness.ports import free_ports

ROOT = Path(__file__).parents[2]
PULUMI = Path(sys.executable).with_name("pulumi")
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".state", ".lab", ".slurm", "data", "work", ".*cache*", ".hypothesis", "__pycache__", "*.egg-info"
)
LIMIT = 400
"""Seconds that any single command of a test may take."""


class Project:
    """A copy of the project in a short temporary folder (sockets have short paths) with a blank in its name."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="mspass "))
        shutil.copytree(ROOT, self.path, ignore=LEFT_OUT, dirs_exist_ok=True)
        for file in (self.path / "stacks").glob("Pulumi.*.yaml"):
            # The salt of a stack that is up in the project itself.
            lines = file.read_text().splitlines(keepends=True)
            file.write_text("".join(line for line in lines if not line.startswith("encryptionsalt:")))
        (self.path / ".venv").symlink_to(ROOT / ".venv")
        (self.path / ".state").mkdir()
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith("PULUMI_")} | {
            "PULUMI_BACKEND_URL": f"file://{self.path}/.state?metadata=skip",
            "PULUMI_CONFIG_PASSPHRASE": "of the test",
            "PULUMI_DEBUG_COMMANDS": "true",  # for --event-log
        }

    def close(self) -> None:
        """End what a failed test left running, by pid, and remove the copy."""
        end_processes(self.path)
        shutil.rmtree(self.path)

    def processes(self) -> list[psutil.Process]:
        return processes_of(self.path)

    def command(self, *words: str | Path, **more: Any) -> "subprocess.CompletedProcess[str]":
        """Run a command in the copy; stdout and stderr together."""
        options: dict[str, Any] = {"cwd": self.path, "env": self.environment, "timeout": LIMIT} | more
        return subprocess.run(
            list(map(str, words)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
        )


def processes_of(folder: Path) -> list[psutil.Process]:
    """Return every process that has a word about a folder in its command line or environment, but our own."""

    def is_of_it(process: psutil.Process) -> bool:
        try:
            # Pulumi's own language host outlives a killed CLI; it asks the engine every five minutes and then ends.
            if process.status() == psutil.STATUS_ZOMBIE or process.name().startswith("pulumi-language"):
                return False
            return str(folder) in "\0".join([*process.cmdline(), *process.environ().values()])
        except psutil.Error:
            return False

    return [process for process in psutil.process_iter() if process.pid != os.getpid() and is_of_it(process)]


def end_processes(folder: Path) -> None:
    while left := processes_of(folder):  # a supervisor may start one anew while it is about to be killed itself
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, 5)


class Stack:
    """A stack of a copy.

    Args:
        config: changes of the desktop stack file's `mspass:cluster`; with hosts, all of it.
        keep_database_port: whether the port of the database is the config's own business.
    """

    def __init__(
        self,
        project: Project,
        name: str = "desktop",
        config: dict[str, Any] | None = None,
        keep_database_port: bool = False,
    ) -> None:
        self.project, self.name, self._keep_database_port = project, name, keep_database_port
        self._read = 0, ""
        self.file = project.path / "stacks" / f"Pulumi.{name}.yaml"
        self.stack_dir = project.path / "data" / name
        output = yaml.safe_load((ROOT / "stacks" / "Pulumi.desktop.yaml").read_text())["config"]["mspass:cluster"]
        self.cluster: dict[str, Any] = config if config and "hosts" in config else output | (config or {})
        self.move_to_free_ports()
        made = self.pulumi("stack", "init", name, "--no-select")
        assert made.returncode == 0, made.stdout

    def move_to_free_ports(self) -> None:
        self.move_to(*free_ports(4))
        self.write()

    def move_to(self, database: int, scheduler: int, dashboard: int, jupyter: int) -> None:
        if not self._keep_database_port:
            self.cluster["database"]["port"] = database
        self.cluster["pool"] |= {"port": scheduler, "dashboard": dashboard}
        self.cluster["frontend"]["port"] = jupyter

    def write(self) -> None:
        """Write the stack file; the line that Pulumi added to it stays."""
        output: dict[str, Any] = yaml.safe_load(self.file.read_text()) if self.file.exists() else {}
        salt = output.get("encryptionsalt", "")
        text = yaml.safe_dump({"config": {"mspass:cluster": self.cluster}})
        self.file.write_text(text + (f"encryptionsalt: {salt}\n" if salt else ""))

    def pulumi(self, *words: str, **more: Any) -> "subprocess.CompletedProcess[str]":
        return self.project.command(PULUMI, "--non-interactive", *words, *self._selected(words), **more)

    def _selected(self, words: tuple[str, ...]) -> list[str]:
        return [] if words[:2] == ("stack", "init") else ["--stack", self.name]

    def up(self, *options: str) -> str:
        """`pulumi up`; its output.

        Raises:
            AssertionError: it failed; the text is its output.
        """
        ran = self.pulumi("up", "--yes", "--skip-preview", "--suppress-outputs", *options)
        assert ran.returncode == 0, _errors_first(ran.stdout)
        return ran.stdout

    def expect_unchanged(self, *options: str) -> None:
        """Fail unless an `up` leaves every resource as it is."""
        said = self.up(*options)
        assert is_unchanged(said), said

    def refused_up(self, *options: str) -> str:
        """`pulumi up` that must fail; its output."""
        ran = self.pulumi("up", "--yes", "--skip-preview", "--suppress-outputs", *options)
        assert ran.returncode != 0, ran.stdout
        return ran.stdout

    def destroy(self) -> str:
        ran = self.pulumi("destroy", "--yes", "--skip-preview", "--suppress-outputs")
        assert ran.returncode == 0, _errors_first(ran.stdout)
        return ran.stdout

    def outputs(self) -> dict[str, Any]:
        """Return the stack's outputs; Pulumi is asked again when the state has been written since."""
        state = self.project.path / ".state" / ".pulumi" / "stacks" / "mspass" / f"{self.name}.json"
        written = state.stat().st_mtime_ns
        if written != self._read[0]:
            ran = self.pulumi("stack", "output", "--json", "--show-secrets")
            assert ran.returncode == 0, _errors_first(ran.stdout)
            self._read = written, ran.stdout
        return json.loads(self._read[1])

    def verify(self) -> "subprocess.CompletedProcess[str]":
        """The verification suite, as a user runs it."""
        return self.ask("verify", "-q")

    def ask(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Return what a command of `mspass-stack` says of it."""
        return self.project.command(*self._asking(*words))

    @contextmanager
    def asked(self, *words: str) -> "Generator[subprocess.Popen[str]]":
        """Have a command of `mspass-stack` run meanwhile; interrupted in the end, or when it is stuck.

        A program that it has begun in the cluster ends with that: one that went on would hold what the next test needs.
        """
        options: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        with subprocess.Popen(
            self._asking(*words), cwd=self.project.path, env=self.project.environment, **options
        ) as running:
            stuck = Timer(LIMIT, running.send_signal, [signal.SIGINT])
            stuck.start()
            try:
                yield running
            finally:
                stuck.cancel()
                if running.poll() is None:
                    running.send_signal(signal.SIGINT)
                    with suppress(subprocess.TimeoutExpired):
                        running.communicate(timeout=60)
                    running.kill()

    def _asking(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "mspass_stack", *words[:1], "--stack", self.name, *words[1:]]

    def counted(self) -> int:
        """How many resources the summary of an `up` counts: all in the state but Pulumi's default providers."""
        return sum("::default" not in resource["urn"] for resource in self.resources())

    def resources(self) -> list[dict[str, Any]]:
        """What the state holds."""
        return json.loads(self.pulumi("stack", "export").stdout)["deployment"].get("resources", [])

    def runs(self) -> dict[str, str]:
        """Incarnation by process, as the last `up` saw them."""
        return {entry["name"]: entry["incarnation"] for entry in self.outputs()["inventory"]["processes"]}

    def ports(self) -> list[int]:
        cluster = self.cluster
        pool, frontend = cluster["pool"], cluster["frontend"]
        return [cluster["database"]["port"], pool["port"], pool["dashboard"], frontend["port"]]


def is_unchanged(said: str) -> bool:
    """Whether the summary of an `up` counts nothing else."""
    return re.search(r"^Resources:\n +\d+ unchanged$", said, re.MULTILINE) is not None


def _errors_first(output: str) -> str:
    """What a command said, its complaints first: of a long text, a report of the tests may show the ends alone."""
    begin, _, complaints = output.partition("Diagnostics:")
    return f"{complaints}\n{begin}"
