"""Start to ready: `pulumi up` against the same daemons started at once by hand, in one run, as a ratio.

    .venv/bin/python bench/start_to_ready.py [--rounds N] [--runtime docker [--image NAME]] [--scheduler spark]

Each round measures, on empty directories: the floor (every daemon of the desktop stack with the same argv, all at once,
by hand or by `docker run`, until every probe says ready), `pulumi up` from nothing, a second `pulumi up` that changes
nothing, the same of a bare program (as many resources as plugins look after for the stack, all of ours and refreshed
likewise, but without order and with nothing to look at), `pulumi destroy`.
A first round warms the caches and is not counted. Exits with 1 when a promise is broken:

    up / (floor + no-op up)     at most 1.3: what we add to the daemons' own start and to Pulumi's
    no-op up / bare no-op up    at most 1.3: what looking at the stack adds to what Pulumi takes by itself
"""

import argparse
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bare import Bare
from container_floor import ContainerFloor
from desktop import FILES, Desktop, stack_config
from figures import NO_OP, PROMISE, report, seconds, tell
from floor import Floor
from program import STACK

from mspass_stack import make_plan, read_cluster
from mspass_stack.machines.cores import cores

PROMISES = (PROMISE, NO_OP)
FLOORS = {"native": Floor, "docker": ContainerFloor}


def measure(rounds: int, directory: Path, choice: Mapping[str, str], scheduler: str) -> list[dict[str, float]]:
    """Return the seconds of each step, by counted round."""
    config = stack_config(directory, choice, scheduler)
    cluster = read_cluster({**config, "datadir": str(directory / "floor")})
    plan = make_plan(cluster, STACK, cores(cluster, directory), directory, sys.executable)
    floor = FLOORS[cluster.runtime](plan)
    desktop, bare = Desktop(config, directory / "project"), Bare(directory / "bare")
    times: list[dict[str, float]] = []
    try:
        for round in range(rounds + 1):
            floor.prepare()
            taken = {"floor": seconds(floor.start)}
            floor.stop()
            taken["up"] = seconds(desktop.up)
            taken["no-op up"] = seconds(desktop.no_op_up)
            if not round:
                bare.hold(desktop.size())
            taken["bare no-op up"] = seconds(bare.no_op_up)
            taken["destroy"] = seconds(desktop.destroy)
            desktop.clear()
            times.append(taken)
            tell(round, taken, PROMISES)
    except BaseException:
        for interrupt in (signal.SIGINT, signal.SIGTERM):
            signal.signal(interrupt, signal.SIG_IGN)
        desktop.clean()
        raise
    finally:
        floor.stop()
    return times[1:]


def _end(signum: int, frame: object) -> None:
    """An end by a signal cleans up as well."""
    sys.exit(128 + signum)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="counted rounds (default: 3)")
    parser.add_argument("--runtime", choices=list(FLOORS), default="native")
    parser.add_argument("--scheduler", choices=list(FILES), default="dask")
    parser.add_argument("--image", help="of the containers (default: MsPASS's own)")
    arguments = parser.parse_args()
    choice = {"runtime": arguments.runtime} | ({"image": arguments.image} if arguments.image else {})
    for interrupt in (signal.SIGINT, signal.SIGTERM):
        signal.signal(interrupt, _end)
    # Short: a Unix socket is in it, and the path of one has 108 bytes at most.
    directory = Path(tempfile.mkdtemp(prefix="mspass-bench-", dir="/tmp"))
    try:
        times = measure(max(1, arguments.rounds), directory, choice, arguments.scheduler)
    finally:
        # The stack's directory goes with a destroy that succeeded; without one, the state is still needed.
        if (directory / "stack").exists():
            print(f"not cleaned up: {directory}", file=sys.stderr)
        else:
            shutil.rmtree(directory)
    return int(not report(times, PROMISES))


if __name__ == "__main__":
    sys.exit(main())
