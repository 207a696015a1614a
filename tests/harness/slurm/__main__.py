"""A Slurm cluster in `.slurm` of the project, kept up: `python -m tests.harness.slurm up|down|status`."""

import argparse
import shlex

from tests.harness.engine import NoEngine
from tests.harness.lab.command import LabError
from tests.harness.project import ROOT
from tests.harness.slurm.cluster import SlurmCluster
from tests.harness.slurm.hostile import Hostile

FOLDER = ROOT / ".slurm"

NEXT = """
Go on with:
    . .venv/bin/activate
    pulumi up -s hpc-sim
    pulumi destroy -s hpc-sim
    make slurm-sim-down"""
"""What to type on the cluster."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.harness.slurm", description=__doc__)
    commands = parser.add_subparsers(dest="what", required=True)
    upper = commands.add_parser("up")
    upper.add_argument("--nodes", type=int, default=6)
    upper.add_argument("--hostile", nargs="*", choices=[one.value for one in Hostile], default=[])
    for name in ("down", "status"):
        commands.add_parser(name)
    words = parser.parse_args()
    try:
        match words.what:
            case "up":
                up(words.nodes, words.hostile)
            case "down":
                down()
            case _:
                status()
    except (LabError, NoEngine) as error:
        parser.exit(1, f"slurm: {error}\n")


def up(nodes: int, hostile: list[str]) -> None:
    """Start what is not up, and say how to log in."""
    try:
        cluster = SlurmCluster.attach(FOLDER)
    except LabError:
        cluster = SlurmCluster(FOLDER, nodes, kept=True, hostile=hostile)
        cluster.up()
    for name in ("login", *cluster.names):
        if not cluster.is_on(name):
            cluster.power_on(name)
    status()
    print(NEXT)


def down() -> None:
    """End it all; also what a killed `up` left."""
    SlurmCluster(FOLDER).close()


def status() -> None:
    cluster = SlurmCluster.attach(FOLDER)
    print(f"Log in with: ssh -F {shlex.quote(str(cluster.ssh_config))} login")
    print(f"An image of all that runs in a job: {cluster.image}")
    if cluster.hostile:
        print(f"Hostile: {', '.join(sorted(cluster.hostile))}")
    for name in ("login", *cluster.names):
        print(f"{name:<6} {cluster.address(name):<12} {'on' if cluster.is_on(name) else 'off'}")


if __name__ == "__main__":
    main()
