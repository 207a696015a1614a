"""A double: stands in for Pulumi's own Docker plugin where that cannot be downloaded, on the real engine.

Speaks the types of `pulumi_docker` 5.2 for what our components emit and refuses everything else. Behaves as the
official one does, in what is awkward too: what it reads back and what not, which changes replace, which change its
state only, that a container which ends at once was created well. Used only under MSPASS_TEST_DOUBLES=1, and only where
`pulumi plugin ls` knows no docker.
"""

import os
import subprocess
import sys
from pathlib import Path


def environment() -> dict[str, str]:
    """What a `pulumi` that is to find the double needs in its environment; nothing where the real plugin is there."""
    pulumi = Path(sys.executable).with_name("pulumi")
    ran = subprocess.run([pulumi, "plugin", "ls"], capture_output=True, text=True)
    if ran.returncode == 0 and any(line.split()[:1] == ["docker"] for line in ran.stdout.splitlines()):
        return {}
    return {"MSPASS_TEST_DOUBLES": "1", "PATH": f"{Path(__file__).parent}{os.pathsep}{os.environ['PATH']}"}
