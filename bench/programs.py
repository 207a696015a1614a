"""Many programs in one job: seconds until all run, what supervisord and a srun take, seconds of the ordered stop.

    .venv/bin/python bench/programs.py [--programs N]

As many programs as workers are allowed, each a srun and a container of its own that only sleeps, beside the manual's
cluster in one job of a simulated Slurm cluster: six nodes of this machine, which takes root. They are started twice:
while the job runs, some at a time, and all at once by the next job. Logs of the job tell when, and how they stopped.
"""

import argparse
import os
import re
import signal
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import Any

from mspass_stack.config.slurm_rules import MOST_WORKERS
from mspass_stack.managers.slurm_job import SlurmJobManager
from mspass_stack.polling import wait_until
from mspass_stack.provider.resources.node_processes import each
from mspass_stack.spec.inventory import Inventory
from mspass_stack.spec.process import SlurmProcess
from tests.harness.project import Project
from tests.harness.slurm import SlurmCluster
from tests.harness.slurm_stack import SlurmStack

NAME = "sleeper"
NODES = 6
PATIENCE = 600.0
"""Seconds for all of them to start, or for a job to end."""

REST = 30.0
"""Seconds over which supervisord is watched while nothing happens."""

KIB, MIB = 1 << 10, 1 << 20


class Sleepers:
    """Programs that sleep in the job of a stack.

    Args:
        count: how many.
    """

    def __init__(self, stack: SlurmStack, count: int) -> None:
        self._stack, self._count = stack, count
        self._inventory = Inventory.model_validate(stack.outputs()["inventory"])
        self._worker = self._inventory.with_role("worker")[0]
        connection, spec = self._inventory.connection(self._worker), self._worker.spec
        self._manager = SlurmJobManager(connection, spec.stack_dir, self._inventory.stack_id)

    def start(self) -> float:
        """Start them in the job that runs; return the seconds until all run."""
        spec = self._worker.spec
        assert isinstance(spec, SlurmProcess)
        programs = [
            spec.model_copy(update={"name": f"{NAME}-{n}", "host": f"node{n % NODES}", "argv": ("sleep", "infinity")})
            for n in range(self._count)
        ]
        each(lambda one: self._manager.ensure(one, self._stack.name, one.digest({})), programs)
        return self.wait()

    def wait(self) -> float:
        """Wait until all run in their containers; return the seconds since the first was started."""
        assert wait_until(lambda: self._running() >= self._count, PATIENCE, 1), "not all of them run"
        now = time.time()
        return now - self._first_start()

    def _running(self) -> int:
        on = self._stack.on
        return sum(len(on.processes(name, "^sleep infinity")) for name in on.names)

    def rest(self) -> dict[str, float]:
        """Return what supervisord and the sruns of all programs take while nothing happens."""
        (supervisord,) = self._pids("[s]upervisor-.* d -n ")
        sruns = self._pids("^srun ")
        before = self._ticks(supervisord)
        Event().wait(REST)
        used = (self._ticks(supervisord) - before) / os.sysconf("SC_CLK_TCK")
        return {
            "supervisord, CPU at rest, %": 100 * used / REST,
            "supervisord, MiB": self._bytes(supervisord) / MIB,
            "srun of one program, MiB": sum(map(self._bytes, sruns)) / len(self._programs()) / MIB,
            "srun of one program, processes": len(sruns) / len(self._programs()),
        }

    def end(self) -> float:
        """Have the job end in order; return the seconds that this rank took."""
        on = self._stack.on
        on.as_user("login", "scancel", "--signal=USR1", "--batch", self._stack.job())
        assert wait_until(lambda: not self._stack.jobs(), PATIENCE, 1), self._stack.log()
        lines = [line for line in self._stack.log().splitlines() if NAME in line and " stopped in " in line]
        return float(re.findall(r" stopped in ([\d.]+) s", lines[-1])[0])

    def _first_start(self) -> float:
        """Return when the first of them was started, by supervisord's log since its own last start."""
        log = self._stack.on.as_user("login", "cat", f"{self._stack.directory}/log/supervisord.log")
        last = log.rpartition("supervisord started with pid")[2]
        found = re.findall(rf"(?m)^(\S+ \S+),(\d+) INFO spawned: '{NAME}-\d+", last)
        return min(datetime.fromisoformat(when).timestamp() + int(ms) / 1000 for when, ms in found)

    def _programs(self) -> list[str]:
        return self._stack.on.as_user("login", "ls", f"{self._stack.directory}/run/programs").split()

    def _pids(self, pattern: str) -> list[int]:
        return self._stack.on.processes(self._stack.node("node0"), pattern)

    def _read(self, pid: int, file: str) -> str:
        return self._stack.on.execute(self._stack.node("node0"), "cat", f"/proc/{pid}/{file}", check=False)

    def _ticks(self, pid: int) -> int:
        return sum(map(int, self._read(pid, "stat").rpartition(")")[2].split()[11:13]))

    def _bytes(self, pid: int) -> int:
        return sum(int(size) * KIB for size in re.findall(r"(?m)^Pss:\s+(\d+)", self._read(pid, "smaps_rollup")))


def measure(stack: SlurmStack, count: int) -> dict[str, Any]:
    """Return the figures."""
    stack.up()
    sleepers = Sleepers(stack, count)
    figures: dict[str, Any] = {"programs": count}
    figures["started in a job that runs, s"] = sleepers.start()
    figures |= sleepers.rest()
    figures["stopped in order, s"] = sleepers.end()
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(stack.up)
        figures["started by the next job, s"] = sleepers.wait()
        coming.result()
    figures["stopped in order again, s"] = sleepers.end()
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--programs", type=int, default=MOST_WORKERS, help="how many (default: as many as are allowed)")
    count = parser.parse_args().programs
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # an end by a signal cleans up as well
    with ExitStack() as kept:
        directory = kept.enter_context(tempfile.TemporaryDirectory(prefix="mspass-bench-", dir="/tmp"))
        cluster = SlurmCluster(Path(directory), NODES)
        kept.callback(cluster.close)
        cluster.up()
        project = Project()
        kept.callback(project.close)
        figures = measure(SlurmStack(project, cluster, name="bench", slurm={"nodes": NODES}), count)
    print("| what | figure |\n|---|---|")
    for what, figure in figures.items():
        print(f"| {what} | {figure:.1f} |")
    print(f"\n{len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[1]:.1f} in the last 5 minutes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
