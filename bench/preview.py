"""Plan and preview of a job with many workers: resources, seconds and memory.

    .venv/bin/python bench/preview.py [--workers N ...]

The stack is the manual's, with 10, 100 and 1000 nodes of workers; Slurm is a double that answers as the login host's
commands do, on this machine. A plan is the config, read and laid out, with every process rendered; a preview is
`pulumi preview` of a stack that is not there yet, and its memory is that of Pulumi, the program and the plugin together
(the most that they had at one time, shared pages counted once). A first preview warms the caches and is not counted.
Exits with 1 when the promise is broken: the largest takes at most 30 s and 1 GiB.
"""

import argparse
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml
from desktop import Desktop
from memory import Watch
from program import PROJECT, STACK

from mspass_stack import make_plan, read_cluster
from tests.harness.slurm_double import SlurmDouble

WORKERS = (10, 100, 1000)
MOST_SECONDS, MOST_BYTES = 30.0, 1 << 30
KIB, MIB = 1 << 10, 1 << 20


def config_of(workers: int, directory: Path) -> dict[str, Any]:
    """Return the manual's cluster with so many nodes of workers."""
    config = yaml.safe_load((PROJECT / "stacks" / "Pulumi.hpc.yaml").read_text())["config"]["mspass:cluster"]
    image = directory / "mspass.sif"
    image.touch()
    config["slurm"]["nodes"] = workers + 2
    config["pool"]["workers"] = {f"node[2-{workers + 1}]": {"memory": "2GiB"}}
    return {**config, "image": str(image), "datadir": str(directory / "stack"), "workdir": str(directory / "work")}


def plan(config: dict[str, Any]) -> tuple[int, float, int]:
    """Return processes, seconds and bytes of a plan, made in a process of its own."""
    began = time.monotonic()
    planned = make_plan(read_cluster(config), STACK, {}, Path.cwd(), sys.executable)
    rendered = [planned.render(process) for process in planned.topology.processes]
    taken = time.monotonic() - began
    return len(rendered), taken, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB


def preview(config: dict[str, Any], directory: Path) -> tuple[int, float, int]:
    """Return resources, seconds and bytes of a preview."""
    stack = Desktop(config, directory)
    began = time.monotonic()
    with Watch() as watch:
        count = stack.preview()
    return count, time.monotonic() - began, watch.most


def measure(workers: int) -> tuple[float, int]:
    """Measure with so many nodes of workers, and print it; return what the preview takes."""
    with tempfile.TemporaryDirectory(prefix="mspass-bench-", dir="/tmp") as name:
        config = config_of(workers, Path(name))
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            planned = pool.apply(plan, (config,))
        previewed = preview(config, Path(name, "project"))
    for what, (count, seconds, size) in {"plan": planned, "preview": previewed}.items():
        print(f"| {workers} | {what} | {count} | {seconds:.1f} | {size / MIB:.0f} |", flush=True)
    return previewed[1:]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workers", type=int, nargs="*", default=WORKERS, help="numbers of nodes with workers")
    numbers = sorted(parser.parse_args().workers)
    with tempfile.TemporaryDirectory(prefix="mspass-bench-", dir="/tmp") as name:
        os.environ["PATH"] = f"{SlurmDouble(Path(name, 'slurm')).bin}:{os.environ['PATH']}"
        preview(config_of(numbers[0], Path(name)), Path(name, "project"))
        print("| workers | what | processes, resources | seconds | MiB |\n|---|---|---|---|---|", flush=True)
        taken = [measure(number) for number in numbers]
    seconds, size = taken[-1]
    print(f"\n{len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[1]:.1f} in the last 5 minutes")
    print(f"promised for the largest: at most {MOST_SECONDS:.0f} s and {MOST_BYTES / MIB:.0f} MiB")
    return int(seconds > MOST_SECONDS or size > MOST_BYTES)


if __name__ == "__main__":
    sys.exit(main())
