"""Start to ready: `pulumi up` against the same daemons started at once by hand, in one run, as a ratio.

    .venv/bin/python bench/start_to_ready.py [--rounds N] [--runtime docker [--image NAME]]

Each round measures, on empty folders: the floor (every daemon of the desktop stack with the same argv, all at once,
by hand or by `docker run`, until every probe says ready), `pulumi up` from nothing, a second `pulumi up` that changes
nothing, `pulumi destroy`.
A first round warms the caches and is not counted. Exits with 1 when up / (floor + no-op up) is above the promise.
"""

import argparse
import os
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from statistics import median
from typing import Any

import yaml
from floor import ContainerFloor, Floor

from mspass_stack import Cluster, plan
from mspass_stack.runtimes import CONTAINER_PYTHON

PROJECT = Path(__file__).parents[1]
PROMISE = 1.5
STACK = "bench"


def stack_config(folder: Path, choice: dict[str, str]) -> dict[str, Any]:
    """The desktop stack on free ports and in folders of its own.

    Args:
        choice: its `runtime`, and the `image` of containers.
    """
    said = yaml.safe_load((PROJECT / "stacks" / "Pulumi.desktop.yaml").read_text())["config"]["mspass:cluster"]
    with ExitStack() as stack:
        held = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(4)]
        said["database"]["port"], said["pool"]["port"], said["pool"]["dashboard"], said["frontend"]["port"] = (
            server.getsockname()[1] for server in held
        )
    return {**said, **choice, "datadir": str(folder / "stack"), "workdir": str(folder / "work")}


class Deployed:
    """The same stack under Pulumi, in a copy of the project with a state of its own."""

    def __init__(self, config: dict[str, Any], folder: Path) -> None:
        self.project, self.datadir = folder / "project", Path(config["datadir"])
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith("PULUMI_")}
        self.environment |= {
            "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": secrets.token_hex(16),
            "PYTHONPATH": str(self.project),
        }
        for name in ("state", "work", "project/stacks"):
            (folder / name).mkdir(parents=True)
        for name in ("Pulumi.yaml", "__main__.py"):
            shutil.copy2(PROJECT / name, self.project)
        shutil.copytree(PROJECT / "mspass_stack", self.project / "mspass_stack")
        (self.project / ".venv").symlink_to(PROJECT / ".venv")
        text = yaml.safe_dump({"config": {"mspass:cluster": config}})
        (self.project / "stacks" / f"Pulumi.{STACK}.yaml").write_text(text)
        self._pulumi("stack", "init", STACK)

    def up(self, *more: str) -> None:
        self._pulumi("up", "--stack", STACK, "--yes", "--skip-preview", *more)

    def destroy(self) -> None:
        self._pulumi("destroy", "--stack", STACK, "--yes", "--skip-preview")
        shutil.rmtree(self.datadir, ignore_errors=True)

    def clean(self) -> None:
        """End what an interrupted round has left."""
        with suppress(SystemExit):
            self._pulumi("cancel", STACK, "--yes")
        self.destroy()

    def _pulumi(self, *command: str) -> None:
        argv = [str(PROJECT / ".venv" / "bin" / "pulumi"), "--non-interactive", "-C", str(self.project), *command]
        ran = subprocess.run(argv, env=self.environment, capture_output=True, text=True)
        if ran.returncode:
            raise SystemExit(f"{shlex.join(argv)} ended with {ran.returncode}:\n{ran.stdout}{ran.stderr}")


def seconds(step: Callable[[], object]) -> float:
    began = time.monotonic()
    step()
    return time.monotonic() - began


def measure(rounds: int, folder: Path, choice: dict[str, str]) -> list[dict[str, float]]:
    """Seconds of each step, by counted round."""
    config = stack_config(folder, choice)
    cluster = Cluster.read(config)
    topology = plan(cluster, STACK, dict.fromkeys(cluster.hosts, len(os.sched_getaffinity(0))))
    where = (topology, folder / "floor", folder / "work")
    contained = cluster.runtime == "docker"
    floor = ContainerFloor(*where, CONTAINER_PYTHON) if contained else Floor(*where, sys.executable)
    deployed = Deployed(config, folder)
    times: list[dict[str, float]] = []
    try:
        for round in range(rounds + 1):
            floor.prepare()
            taken = {"floor": seconds(floor.start)}
            floor.stop()
            taken["up"] = seconds(deployed.up)
            taken["no-op up"] = seconds(lambda: deployed.up("--expect-no-changes"))
            taken["destroy"] = seconds(deployed.destroy)
            times.append(taken)
            tell(round, taken)
    except BaseException:
        for interrupt in (signal.SIGINT, signal.SIGTERM):
            signal.signal(interrupt, signal.SIG_IGN)
        deployed.clean()
        raise
    finally:
        floor.stop()
    return times[1:]


def tell(round: int, taken: dict[str, float]) -> None:
    """Say what a round took; the first one is number 0."""
    said = ", ".join(f"{step} {duration:.2f}" for step, duration in taken.items())
    print(f"{f'round {round}' if round else 'warm-up'}: {said} (ratio {ratio(taken):.2f})", file=sys.stderr)


def ratio(taken: dict[str, float]) -> float:
    return taken["up"] / (taken["floor"] + taken["no-op up"])


def report(times: list[dict[str, float]]) -> float:
    """Print the table; returns the ratio of the medians."""
    middle = {step: median(taken[step] for taken in times) for step in times[0]}
    print(f"| seconds, {len(times)} rounds | median | min | max |\n|---|---|---|---|")
    for step, duration in middle.items():
        column = [taken[step] for taken in times]
        print(f"| {step} | {duration:.2f} | {min(column):.2f} | {max(column):.2f} |")
    busy = f"{len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[1]:.1f} in the last 5 minutes"
    print(f"\nup / (floor + no-op up) = {ratio(middle):.2f}, promised: at most {PROMISE} ({busy})")
    return ratio(middle)


def _end(signum: int, frame: object) -> None:
    """An end by a signal cleans up as well."""
    sys.exit(128 + signum)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="counted rounds (default: 3)")
    parser.add_argument("--runtime", choices=["native", "docker"], default="native")
    parser.add_argument("--image", help="of the containers (default: MsPASS's own)")
    arguments = parser.parse_args()
    choice = {"runtime": arguments.runtime} | ({"image": arguments.image} if arguments.image else {})
    for interrupt in (signal.SIGINT, signal.SIGTERM):
        signal.signal(interrupt, _end)
    # Short: a Unix socket is in it, and the path of one has 108 bytes at most.
    folder = Path(tempfile.mkdtemp(prefix="mspass-bench-", dir="/tmp"))
    try:
        times = measure(max(1, arguments.rounds), folder, choice)
    finally:
        # The stack's folder goes with a destroy that succeeded; without one, the state is still needed.
        if (folder / "stack").exists():
            print(f"not cleaned up: {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder)
    return int(report(times) > PROMISE)


if __name__ == "__main__":
    sys.exit(main())
