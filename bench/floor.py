"""The floor: the daemons of a stack without Pulumi and without a supervisor, started at once by hand."""

import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from secret_files import random_values, secret_files

from mspass_stack import Plan
from mspass_stack.agent.login import daemon_environment
from mspass_stack.machines import machine
from mspass_stack.machines.local import LocalMachine
from mspass_stack.managers.supervisord import Supervisord
from mspass_stack.polling import wait_until
from mspass_stack.provider.probes import probe
from mspass_stack.spec.process import ProcessSpec


class Floor:
    """The processes of a plan for this machine, with the argv and the probes that it has for them."""

    def __init__(self, plan: Plan) -> None:
        (self.host,) = plan.topology.hosts.values()
        self.plan = plan
        self.processes = [plan.render(process) for process in plan.topology.processes]
        self._supervisord = Supervisord(LocalMachine(), self.host.stack_dir, "")
        self._running: list[tuple[ProcessSpec, subprocess.Popen[bytes]]] = []

    def prepare(self) -> None:
        """Make an empty directory, and in it what the daemons work in and read."""
        layout = self.host.layout
        shutil.rmtree(layout.root, ignore_errors=True)
        written = [path for process in self.processes for path in process.writes]
        for path in (*written, layout.log, layout.secrets):
            Path(path).mkdir(parents=True, exist_ok=True)
        for path, text in secret_files(self.plan, self.host.name, random_values(self.plan.topology)).items():
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            LocalMachine().write(path, text)

    def start(self) -> None:
        """Start all at once, and return when all are ready."""
        for process in self.processes:
            with self._log_file(process).open("wb") as log:
                started = subprocess.Popen(
                    self._argv(process),
                    cwd=process.directory,
                    env={**daemon_environment(), **process.environment},
                    start_new_session=True,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            self._running.append((process, started))
        self.wait()

    def wait(self) -> None:
        """Wait until every probe says ready."""
        if unready := first_unready(self.plan, self.processes):
            raise SystemExit(f"{unready.name} is not ready; the end of its log:\n{self.log(unready)[-2000:]}")

    def log(self, process: ProcessSpec) -> str:
        return self._log_file(process).read_text(errors="replace")

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

    def _argv(self, process: ProcessSpec) -> list[str]:
        """Return a shell that reads the process's env files, and becomes it."""
        path = "".join(f'export PATH={shlex.quote(directory)}:"$PATH"; ' for directory in reversed(process.path))
        files = "".join(f". {shlex.quote(path)}; " for path in process.env_files)
        script = f'{path}set -a; {files}set +a; exec "$@"'
        program = self._supervisord.find(process.argv[0], process.python)
        return ["/bin/sh", "-c", script, "sh", program, *process.argv[1:]]

    def _log_file(self, process: ProcessSpec) -> Path:
        return Path(self.host.layout.log_of(process.name))


def first_unready(plan: Plan, processes: Sequence[ProcessSpec], authority: str = "") -> ProcessSpec | None:
    """Wait for all processes at once; return the first that its probe did not find ready in time.

    Args:
        authority: certificate of who signs those of MongoDB's servers; empty where they speak no TLS.
    """

    def ready(process: ProcessSpec) -> bool | None:
        host = machine(plan.topology.hosts[process.probe.host].connection)
        return wait_until(lambda: probe(process.probe, host, authority) is None, process.probe.deadline)

    with ThreadPoolExecutor(len(processes)) as pool:
        found = list(pool.map(ready, processes))
    return next((process for process, done in zip(processes, found, strict=True) if not done), None)
