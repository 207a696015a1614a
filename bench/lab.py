"""Start to ready in a lab: `pulumi up` of a sharded stack against the same daemons started by hand, in one run.

    .venv/bin/python bench/lab.py [--rounds N]

The lab is simulated: three Docker hosts behind SSH, made of namespaces of this machine, which takes root. Each round
measures, on empty directories: the floor (every container of the stack by `docker run` on its host, all at once but the
frontend; sets, shards, users and collections by the provider's own functions; then the frontend; until every probe says
ready), `pulumi up` from nothing, a second `pulumi up` that changes nothing, `pulumi destroy`; and `pulumi up` from
nothing of the same without encryption.
A first round warms the caches and is not counted. Exits with 1 when the promise is broken: up / (floor + no-op up) is
at most 1.3.
"""

import argparse
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from figures import PROMISE, report, seconds, tell
from lab_floor import LabFloor

from tests.harness.lab import Lab, LabError, ensure_test_image
from tests.harness.lab_stack import LabStack
from tests.harness.project import Project

HOSTS = 3
WORKERS = {"node1": {"processes": 1, "memory": "512MiB"}, "node2": {"processes": 2, "memory": "512MiB"}}
CACHE = "256MiB"
"""As much of the stack file's lab as three hosts have room for on one small machine."""

PROMISES = (PROMISE,)


def small_stack(project: Project, lab: Lab, image: str) -> LabStack:
    stack = LabStack(project, lab, image, "lab-cluster", "bench")
    stack.cluster["database"]["cache"] = CACHE
    stack.cluster["pool"]["workers"] = WORKERS
    stack.write()
    return stack


def measure(rounds: int, stack: LabStack) -> list[dict[str, float]]:
    """Return the seconds of each step, by counted round."""
    floor = LabFloor(stack)
    times: list[dict[str, float]] = []
    for round in range(rounds + 1):
        floor.prepare()
        taken = {"floor": seconds(floor.start)}
        stack.close()
        taken["up"] = seconds(stack.up)
        taken["no-op up"] = seconds(lambda: stack.up("--expect-no-changes"))
        taken["destroy"] = seconds(stack.destroy)
        stack.close()
        stack.cluster["encryption"] = False
        stack.write()
        taken["up in clear"] = seconds(stack.up)
        stack.close()
        del stack.cluster["encryption"]
        stack.write()
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
            image = ensure_test_image()
            lab = Lab(Path(directory), HOSTS, image)
            kept.callback(lab.close)
            lab.up()
            project = Project()
            kept.callback(project.close)
            times = measure(rounds, small_stack(project, lab, image))
    except LabError as error:
        parser.exit(2, f"lab: {error}\n")
    return int(not report(times, PROMISES))


if __name__ == "__main__":
    sys.exit(main())
