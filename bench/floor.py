"""The floor: the daemons of a stack without Pulumi and without a supervisor, started at once by hand."""

import os
import secrets
import shutil
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from mspass_stack import Topology, roles
from mspass_stack.machine import Here
from mspass_stack.provider.executables import find
from mspass_stack.provider.probes import look
from mspass_stack.provider.waiting import wait_until
from mspass_stack.rendered import Home, RenderedProcess
from mspass_stack.runtimes import contain, network_name, render


class Floor:
    """The processes of a plan, with the argv and the probes that the components declare."""

    def __init__(self, topology: Topology, home: Path, workdir: Path, python: str) -> None:
        self.home, self.topology = Home(str(home)), topology
        self.processes = [render(p, topology, str(home), str(workdir), python) for p in topology.processes]
        self.address = {"MSPASS_DB_ADDRESS": roles.database_uri(topology, secrets.token_hex(24), "peer") or ""}
        self._running: list[tuple[RenderedProcess, subprocess.Popen[bytes]]] = []

    def prepare(self) -> None:
        """An empty home with the files that the daemons read."""
        home = self.home
        shutil.rmtree(home.root, ignore_errors=True)
        for path in (home.database, home.log, home.scratch, home.secrets):
            Path(path).mkdir(parents=True)
        address = "".join(f"{key}='{value}'\n" for key, value in self.address.items())
        files = {home.key_file: "k" * 756, home.jupyter_token: "t" * 48, home.jupyter_config: "{}\n"}
        for path, text in (files | {home.client_env: address}).items():
            Path(path).touch(mode=0o600)
            Path(path).write_text(text)

    def start(self) -> None:
        """Start all at once and return when all are ready."""
        for process in self.processes:
            with Path(self.home.log_of(process.name)).open("wb") as log:
                started = subprocess.Popen(
                    [str(find(process.argv[0])), *process.argv[1:]],
                    cwd=process.directory,
                    env={**os.environ, **process.environment, **(self.address if process.env_files else {})},
                    start_new_session=True,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            self._running.append((process, started))
        self._wait()

    def _wait(self) -> None:
        with ThreadPoolExecutor(len(self.processes)) as pool:
            ready = list(pool.map(_until_ready, self.processes))
        for process, done in zip(self.processes, ready, strict=True):
            if not done:
                raise SystemExit(f"{process.name} is not ready; the end of its log:\n{self._log(process)[-2000:]}")

    def _log(self, process: RenderedProcess) -> str:
        return Path(self.home.log_of(process.name)).read_text(errors="replace")

    def stop(self) -> None:
        """Stop what runs, last started first; ends only what this object has started."""
        while self._running:
            process, started = self._running[-1]
            started.send_signal(signal.Signals[f"SIG{process.stop_signal}"])
            with suppress(subprocess.TimeoutExpired):
                started.wait(process.stop_grace)
            with suppress(ProcessLookupError):
                os.killpg(started.pid, signal.SIGKILL)
            started.wait()
            self._running.pop()


def _until_ready(process: RenderedProcess) -> bool | None:
    return wait_until(lambda: not look(process.probe, Here()), process.probe.deadline)


class ContainerFloor(Floor):
    """The same as containers, by `docker run`, on a network of their own."""

    def start(self) -> None:
        network = network_name(self.topology.stack)
        _docker("network", "create", network)
        image = self.topology.cluster.image
        commands = [self._options(process, image) for process in self.processes]
        with ThreadPoolExecutor(len(commands)) as pool:
            list(pool.map(_run, commands))
        self._wait()

    def stop(self) -> None:
        for process in reversed(self.processes):
            _docker("stop", "--time", str(process.stop_grace), process.container, check=False)
            _docker("rm", "--force", process.container, check=False)
        _docker("network", "rm", network_name(self.topology.stack), check=False)

    def _options(self, process: RenderedProcess, image: str) -> list[str]:
        asked = contain(process, self.topology)
        words = [
            "--detach",
            "--init",
            "--name",
            asked.name,
            "--hostname",
            asked.hostname,
            "--user",
            f"{os.getuid()}:{os.getgid()}",
        ]
        words += ["--network", asked.network, "--network-alias", asked.hostname, "--workdir", asked.directory]
        words += [f"--env={key}={value}" for key, value in asked.environment.items()]
        words += [f"--volume={path}:{path}:{'ro' if read_only else 'rw'}" for path, read_only in asked.binds]
        words += [f"--publish={asked.address}:{port}:{port}" for port in asked.ports]
        return [*words, "--entrypoint", asked.entrypoint[0], image, *asked.entrypoint[1:], *asked.command]

    def _log(self, process: RenderedProcess) -> str:
        return _docker("logs", process.container, check=False)


def _run(options: list[str]) -> None:
    _docker("run", *options)


def _docker(*words: str, check: bool = True) -> str:
    ran = subprocess.run(["docker", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if check and ran.returncode:
        raise SystemExit(f"docker {' '.join(words)}: {ran.stdout}")
    return ran.stdout
