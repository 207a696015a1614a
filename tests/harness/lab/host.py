"""One simulated host: its disk, its processes and, where it is no native one, its engine."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from mspass_stack.polling import wait_until
from tests.harness.lab import cgroup
from tests.harness.lab.command import LabError, run
from tests.harness.lab.network import LAB, Network

HERE = Path(__file__).parent
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
FIRST = "tini"
"""What PID 1 is called once the host has its own root."""
START = 60
"""Seconds that a start or an end may take."""


class Host:
    """A host.

    Attributes:
        folder: its disk.
        native: it has no Docker.
        network: where its cable goes.
        docker_data: what is /var/lib/docker in it.
    """

    def __init__(self, name: str, directory: Path, native: bool = False, network: Network = LAB) -> None:
        self.name, self.directory, self.native, self.network = name, directory, native, network
        self.docker_data = directory / "docker"
        self._upper = directory / "upper"

    def prepare(self, tree: Path, template: Path | None = None) -> None:
        """An empty disk over a tree."""
        parts = [self._upper] if self.native else [self._upper, self.docker_data]
        for part in parts:
            part.mkdir(parents=True)
            # The host's / has the mode of its upper layer.
            part.chmod(0o755)
        (self.directory / "tree").symlink_to(tree)
        (self.directory / "template").symlink_to(template or "/nonexistent")
        self.write("/etc/hostname", f"{self.name}\n")
        if not self.native:
            self.write("/etc/lab", self.network.name)
            self.write("/usr/local/sbin/engine", (HERE / "engine.sh").read_text(), 0o755)

    def boot(self) -> None:
        """Start its PID 1 in the network namespace that it has.

        Raises:
            LabError: it ended; the text is what it said.
        """
        unshare = ("unshare", "--mount", "--propagation=private", "--uts", "--ipc", "--pid", "--fork", "--kill-child")
        with (self.directory / "log").open("wb") as log:
            # In a session of its own: it is nobody's child and outlives this process.
            subprocess.run(
                [
                    *("setsid", "--fork", "nsenter", f"--net=/run/netns/{self.network.space(self.name)}", *unshare),
                    *self._first_words(),
                ],
                cwd=self.directory,
                env=ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=True,
            )
        output = self.directory / "log"
        wait_until(lambda: self._first() or (output.stat().st_size and not self.network.pids(self.name)), START)
        if not self.is_on:
            raise LabError(f"{self.name} did not start:\n{output.read_text()}")

    def cut_power(self) -> None:
        """Kill all that runs in it; its network namespace goes too."""
        if not wait_until(self._is_dead, START):
            raise LabError(f"processes of {self.name} do not end: {self.network.pids(self.name)}")
        cgroup.remove(self.network.name, self.name)
        self.network.remove_host(self.name)

    def crash(self) -> None:
        """Kill its PID 1, and so all that runs in it; its network namespace stays.

        Raises:
            LabError: it is off.
        """
        os.kill(self._running(), signal.SIGKILL)

    @property
    def is_on(self) -> bool:
        return bool(self._first())

    def inside(self, *argv: str) -> list[str]:
        """The command that runs another one in it as root.

        Raises:
            LabError: it is off.
        """
        first = self._running()
        environment = [f"{key}={value}" for key, value in ENVIRONMENT.items()]
        return ["nsenter", "--target", str(first), "--all", "env", "-i", *environment, *argv]

    def execute(self, *argv: str, check: bool = True, stdin: str = "") -> str:
        """Run a command in it as root; its stdout."""
        return run(*self.inside(*argv), check=check, stdin=stdin)

    def docker(self, *words: str) -> str:
        """Run Docker's client in it as root; its stdout.

        Raises:
            LabError: it failed, or this is a native host.
        """
        self._check_engine()
        return self.execute("docker", *words)

    def start_engine(self) -> None:
        self._check_engine()
        self.execute("engine", "start")
        self.await_engine()

    def await_engine(self) -> None:
        """Wait for Docker's answer; a host starts it when it boots."""
        if not wait_until(lambda: "Server:" in self.execute("docker", "version", check=False), START):
            raise LabError(f"{self.name}'s engine does not start:\n{self.execute('tail', '/var/log/docker.log')}")

    def stop_engine(self) -> None:
        self._check_engine()
        self.execute("engine", "stop")

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Write a file of it, whether it is on or off; who owns the folder owns the file."""
        if self.is_on:
            self.execute("tee", path, stdin=text)
            return
        target, tree = self._upper / path.lstrip("/"), self.directory / "tree"
        for directory in reversed(target.relative_to(self._upper).parents[:-1]):
            if not (self._upper / directory).exists():
                # As an overlay copies a folder up that it writes in.
                (self._upper / directory).mkdir()
                shutil.copystat(tree / directory, self._upper / directory)
                _own(self._upper / directory, tree / directory)
        target.write_text(text)
        target.chmod(mode)
        _own(target, target.parent)

    def _first_words(self) -> list[str]:
        """What its PID 1 is started as, in its folder."""
        parts = [os.path.realpath(self.directory / part) for part in ("tree", "template")]
        return ["bash", str(HERE / "init.sh"), self.name, *parts]

    def _check_engine(self) -> None:
        if self.native:
            raise LabError(f"{self.name} is a native host, which has no Docker")

    def _running(self) -> int:
        """The pid of its PID 1.

        Raises:
            LabError: it is off.
        """
        first = self._first()
        if not first:
            raise LabError(f"{self.name} is off")
        return first

    def _first(self) -> int:
        """The pid of its PID 1, 0 without one."""
        for pid, inside in self._processes():
            with suppress(OSError):
                if inside == ["1"] and Path(f"/proc/{pid}/comm").read_text().strip() == FIRST:
                    return pid
        return 0

    def _is_dead(self) -> bool:
        for pid, inside in self._processes():
            # Those outside its PID namespace end with PID 1, whose end they wait for.
            if inside:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        cgroup.thaw(self.network.name, self.name)
        return not self.network.pids(self.name)

    def _processes(self) -> Iterator[tuple[int, list[str]]]:
        """The pids here, and in the PID namespaces below, of what is in its network namespace."""
        for pid in self.network.pids(self.name):
            with suppress(OSError):
                status = Path(f"/proc/{pid}/status").read_text()
                known_as = next(line for line in status.splitlines() if line.startswith("NSpid:"))
                yield pid, known_as.split()[2:]


def _own(path: Path, like: Path) -> None:
    owner = like.stat()
    os.chown(path, owner.st_uid, owner.st_gid)
