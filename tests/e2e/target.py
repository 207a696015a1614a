"""What the scenarios ask of a target: a deployed stack, and hands that can reach behind its managers' back."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Protocol

import psutil

from mspass_stack.polling import wait_until
from tests.e2e.clients import listening
from tests.harness.lab_stack import LabStack
from tests.harness.project import Stack

SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGTERM, "rm": signal.SIGKILL}
"""What a native process gets for what a container suffers."""


class Target(Protocol):
    """A stack that is up on some kind of machines.

    Attributes:
        victims: a member of the database, and a group of workers.
    """

    stack: Stack
    victims: tuple[str, str]

    def running(self) -> set[str]:
        """Return the names of the processes that run."""
        ...

    def harm(self, process: str, how: str) -> None:
        """Kill, stop or remove a process, as if by accident."""
        ...

    def suspend(self, process: str) -> None:
        """Let a process be down until the next `up`."""
        ...

    def write(self, process: str, path: str, text: str) -> str:
        """Change a file of the stack's directory on the host of a process; return what was in it."""
        ...

    def leftovers(self) -> set[str]:
        """Return what runs or listens although the stack is destroyed, and files that should be gone."""
        ...


class NativeDesktop:
    """Processes of this machine."""

    victims = ("mongod", "worker-desktop")

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    def running(self) -> set[str]:
        return {path.stem for path in self._pid_files() if _alive(path)}

    def harm(self, process: str, how: str) -> None:
        os.kill(self.pid(process), SIGNALS[how])

    def suspend(self, process: str) -> None:
        self.supervisorctl("stop", process)

    def write(self, process: str, path: str, text: str) -> str:
        return _swap(self.stack.stack_dir / path, text)

    def leftovers(self) -> set[str]:
        wait_until(lambda: not self.stack.project.processes(), 10)
        return {process.name() for process in self.stack.project.processes()} | _leftovers(self.stack)

    def pid(self, process: str) -> int:
        return int((self.stack.stack_dir / "run" / f"{process}.pid").read_text())

    def supervisorctl(self, *words: str) -> str:
        run = self.stack.stack_dir / "run"
        (bundle,) = run.glob("supervisor-*.pyz")
        command = ["python3", bundle, "ctl", "-c", run / "supervisord.conf", *words]
        return self.stack.project.command(*command).stdout

    def _pid_files(self) -> list[Path]:
        return [path for path in (self.stack.stack_dir / "run").glob("*.pid") if path.stem != "supervisord"]


class DockerDesktop:
    """Containers of this machine's engine."""

    victims = ("mongod", "worker-desktop")

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    def running(self) -> set[str]:
        prefix = self.container("")
        return {name.removeprefix(prefix) for name in _docker("ps", "--format", "{{.Names}}").split() if prefix in name}

    def harm(self, process: str, how: str) -> None:
        _docker(*(["rm", "-f"] if how == "rm" else [how]), self.container(process))

    def suspend(self, process: str) -> None:
        _docker("stop", self.container(process))

    def write(self, process: str, path: str, text: str) -> str:
        return _swap(self.stack.stack_dir / path, text)

    def leftovers(self) -> set[str]:
        names = _docker("ps", "--all", "--format", "{{.Names}}").split()
        return {name for name in names if name.startswith(self.container(""))} | _leftovers(self.stack)

    def container(self, process: str) -> str:
        return f"mspass-{self.stack.name}-{process}"


class SimulatedLab:
    """Hosts of a simulated lab."""

    stack: LabStack

    def __init__(self, stack: LabStack, victims: tuple[str, str]) -> None:
        self.stack, self.victims = stack, victims

    def running(self) -> set[str]:
        return set(self.stack.running())

    def harm(self, process: str, how: str) -> None:
        self.stack.harm(process, *(["rm", "-f"] if how == "rm" else [how]))

    def suspend(self, process: str) -> None:
        host = self.stack.running()[process]
        if not self.stack.lab.is_native(host):
            self.stack.lab.docker(host, "stop", self.stack.container(process))
            return
        run = f"{self.stack.directory}/run"
        command = f'cd "{run}" && python3 supervisor-*.pyz ctl -c supervisord.conf stop {process}'
        self.stack.lab.execute(host, "su", self.stack.lab.user, "-c", command)

    def write(self, process: str, path: str, text: str) -> str:
        file, host = f"{self.stack.directory}/{path}", self.stack.running()[process]
        before = self.stack.lab.execute(host, "cat", file)
        self.stack.lab.execute(host, "sh", "-c", 'printf %s "$1" > "$0"', file, text)
        return before

    def leftovers(self) -> set[str]:
        lab, left = self.stack.lab, set(self.stack.running())
        for name in lab.names:
            listing = lab.execute(name, "ls", "-A", f"{self.stack.directory}", check=False).split()
            left |= {"secrets", "tls", "ca.pem", "run", "client", ".mspass-stack"} & set(listing)
        return left


def _docker(*words: str) -> str:
    return subprocess.run(["docker", *words], check=True, capture_output=True, text=True).stdout


def _alive(pid_file: Path) -> bool:
    try:
        return psutil.Process(int(pid_file.read_text())).status() != psutil.STATUS_ZOMBIE
    except (psutil.NoSuchProcess, ValueError, OSError):
        return False


def _swap(path: Path, text: str) -> str:
    before = path.read_bytes()
    path.write_text(text)
    return before.decode("latin-1")


def _leftovers(stack: Stack) -> set[str]:
    """Ports that somebody listens on, and what a destroyed stack's directory must not hold."""
    kept = ("db", "db-version", "log", "scratch", "data_")
    files = {path.name for path in stack.stack_dir.iterdir() if not path.name.startswith(kept)}
    sockets = {path.name for path in stack.stack_dir.rglob("*") if path.is_socket()}
    return files | sockets | {str(port) for port in listening(stack.ports())}
