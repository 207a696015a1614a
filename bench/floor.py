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
from mspass_stack.provider.executables import find
from mspass_stack.provider.probes import look
from mspass_stack.provider.waiting import wait_until
from mspass_stack.rendered import Home, RenderedProcess
from mspass_stack.runtimes import render


class Floor:
    """The processes of a plan, with the argv and the probes that the components declare."""

    def __init__(self, topology: Topology, home: Path, workdir: Path, python: Path) -> None:
        self.home = Home(str(home))
        self.processes = [render(p, topology, str(home), str(workdir), str(python)) for p in topology.processes]
        self.address = {"MSPASS_DB_ADDRESS": roles.database_uri(topology, secrets.token_hex(24), "peer") or ""}
        self._running: list[tuple[RenderedProcess, subprocess.Popen[bytes]]] = []

    def prepare(self) -> None:
        """An empty home with the files that the daemons read."""
        home = self.home
        shutil.rmtree(home.root, ignore_errors=True)
        for path in (home.database, home.log, home.scratch, home.secrets):
            Path(path).mkdir(parents=True)
        for path, text in ((home.key_file, "k" * 756), (home.jupyter_token, "t" * 48), (home.jupyter_config, "{}\n")):
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
        with ThreadPoolExecutor(len(self.processes)) as pool:
            ready = list(pool.map(_until_ready, self.processes))
        for process, done in zip(self.processes, ready, strict=True):
            if not done:
                log = Path(self.home.log_of(process.name)).read_text(errors="replace")
                raise SystemExit(f"{process.name} is not ready; the end of its log:\n{log[-2000:]}")

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
    return wait_until(lambda: not look(process.probe), process.probe.deadline)
