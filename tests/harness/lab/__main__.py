"""A lab of four hosts in `.lab` of the project, kept up: `python -m tests.harness.lab up|down|status`."""

import argparse
import shlex
from pathlib import Path

from mspass_stack.cli.stack_file import with_key
from tests.harness import docker_plugin
from tests.harness.lab.command import LabError
from tests.harness.lab.lab import Lab
from tests.harness.lab.template import ensure_test_image
from tests.harness.project import ROOT

FOLDER = ROOT / ".lab"
STACK = ROOT / "stacks" / "Pulumi.lab-sim.yaml"

NEXT = f"""
Go on with:
    . .venv/bin/activate
    export MSPASS_TEST_DOUBLES=1 PATH={shlex.quote(str(Path(docker_plugin.__file__).parent))}:$PATH
                          where Pulumi's own Docker plugin is not installed
    pulumi up -s lab-sim
    make status STACK=lab-sim
    make verify STACK=lab-sim
    make example STACK=lab-sim
    pulumi destroy -s lab-sim
    make lab-sim-down"""
"""What to type on the lab."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.harness.lab", description=__doc__)
    parser.add_argument("what", choices=COMMANDS)
    try:
        COMMANDS[parser.parse_args().what]()
    except LabError as error:
        parser.exit(1, f"lab: {error}\n")


def up() -> None:
    """Start what is not up, and say how to log in."""
    try:
        lab = Lab.attach(FOLDER)
    except LabError:
        lab = Lab(FOLDER, image=ensure_test_image(), kept=True)
        lab.up()
    for name in lab.names:
        if not lab.is_on(name):
            lab.power_on(name)
    STACK.write_text(with_key(STACK.read_text(), "image", ensure_test_image()))
    status()
    print(NEXT)


def down() -> None:
    """End it all; also what a killed `up` left."""
    Lab(FOLDER).close()


def status() -> None:
    lab = Lab.attach(FOLDER)
    print(f"Log in with: ssh -F {shlex.quote(str(lab.ssh_config))} lab1")
    for name in lab.names:
        print(f"{name}  {lab.address(name)}  {'on' if lab.is_on(name) else 'off'}")


COMMANDS = {"up": up, "down": down, "status": status}

if __name__ == "__main__":
    main()
