"""Looks at a Docker engine from outside."""

import subprocess

from mspass_stack.managers.docker_labels import STACK


def docker(*words: str) -> str:
    """Run the client; what it printed."""
    return subprocess.run(["docker", *words], check=True, capture_output=True, text=True).stdout


def containers() -> set[str]:
    """Names of all containers of any stack of ours."""
    return set(docker("ps", "--all", "--filter", f"label={STACK}", "--format", "{{.Names}}").split())
