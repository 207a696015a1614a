"""Start to ready on a Slurm cluster: `pulumi up` of a sharded stack against the same steps by hand, in one run.

    .venv/bin/python bench/hpc.py [--rounds N]

The cluster is simulated: a login host and six nodes, made of namespaces of this machine, which takes root. Each round
measures, on an empty directory: the floor (a batch script that starts every step of the stack by srun, with the same
image and command lines, prepares the database by the program that the job has for that, and then starts the frontend;
until every probe says ready), the same again in another job on the data of the first, `pulumi up` from nothing, a
second `pulumi up` that changes nothing, `pulumi up` in another job after the first has stopped, `pulumi destroy`.
A first round warms the caches and is not counted. Exits with 1 when a promise is broken: start and restart each take at
most 1.3 times floor and no-op up together.

MsPASS's own script of this figure has sleeps; what they sum up to is printed beside.
"""

import argparse
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from figures import PROMISE, Promise, report, seconds, tell
from hpc_floor import SlurmFloor

from mspass_stack.polling import wait_until
from tests.harness.lab.command import LabError
from tests.harness.project import Project
from tests.harness.slurm import SlurmCluster
from tests.harness.slurm_stack import SlurmStack

CACHE, MEMORY = "256MiB", "256MiB"
"""As much as six nodes have room for on one small machine."""

SLEEPS = 105 + 15 * 2
"""Seconds of the sleeps in MsPASS's script for a sharded database of two shards (scripts/tacc_examples)."""

PROMISES = (PROMISE, Promise("up in another job", ("floor in another job", "no-op up")))


def small_stack(project: Project, cluster: SlurmCluster) -> SlurmStack:
    stack = SlurmStack(project, cluster, "hpc-sharded", "bench")
    stack.cluster["database"]["cache"] = CACHE
    for workers in stack.cluster["pool"]["workers"].values():
        workers["memory"] = MEMORY
    stack.write()
    return stack


def stop(stack: SlurmStack) -> None:
    """End the job of a stack in order."""
    stack.on.as_user("login", "scancel", "--signal=USR1", "--batch", stack.job())
    assert wait_until(lambda: not stack.jobs(), 120), stack.jobs()


def remove(stack: SlurmStack) -> None:
    stack.on.as_user("login", "rm", "-rf", stack.directory)


def measure(rounds: int, stack: SlurmStack) -> list[dict[str, float]]:
    """Return the seconds of each step, by counted round."""
    times: list[dict[str, float]] = []
    for round in range(rounds + 1):
        floor = SlurmFloor(stack)
        floor.prepare()
        taken = {"floor": seconds(floor.start)}
        floor.stop()
        taken["floor in another job"] = seconds(floor.start)
        floor.stop()
        remove(stack)
        taken["up"] = seconds(stack.up)
        taken["no-op up"] = seconds(lambda: stack.up("--expect-no-changes"))
        stop(stack)
        taken["up in another job"] = seconds(stack.up)
        taken["destroy"] = seconds(stack.destroy)
        remove(stack)
        times.append(taken)
        tell(round, taken, PROMISES)
    return times[1:]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="counted rounds (default: 3)")
    rounds = max(1, parser.parse_args().rounds)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # an end by a signal cleans up as well
    try:
        with ExitStack() as kept:
            directory = kept.enter_context(tempfile.TemporaryDirectory(prefix="mspass-bench-", dir="/tmp"))
            cluster = SlurmCluster(Path(directory))
            kept.callback(cluster.close)
            cluster.up()
            project = Project()
            kept.callback(project.close)
            times = measure(rounds, small_stack(project, cluster))
    except LabError as error:
        parser.exit(2, f"slurm: {error}\n")
    kept_promises = report(times, PROMISES)
    ups = sorted(taken["up"] for taken in times)
    print(f"sleeps of MsPASS's script: {SLEEPS} s, up: {ups[len(ups) // 2]:.0f} s")
    return int(not kept_promises)


if __name__ == "__main__":
    sys.exit(main())
