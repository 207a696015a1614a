"""Look for accelerators before a process that is to have some: its container would begin without them, and say nothing.

Apptainer's --nv and --rocm bind what they find.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

DEVICES = {"nvidia": "/dev/nvidia[0-9]*", "rocm": "/dev/kfd"}
"""The devices of a kind; drivers make them when they have found one."""

VISIBLE = (
    "CUDA_VISIBLE_DEVICES",
    "NVIDIA_VISIBLE_DEVICES",
    "ROCR_VISIBLE_DEVICES",
    "HIP_VISIBLE_DEVICES",
    "GPU_DEVICE_ORDINAL",
)
"""By these Slurm tells a step which of its node's are its own."""

NONE = "--gres=none"
"""By this a step has no generic resource of its job."""

INTO = ("APPTAINERENV_", "SINGULARITYENV_")
"""Before the name of a variable that a container has though it has no other of its host's environment."""


def lack(key: str, kind: str) -> str:
    """Say that a machine has none of a kind.

    Args:
        key: the YAML path that asks for some.
    """
    return f"{key}: {kind}: there is no {DEVICES[kind]}, so no driver has found one"


def trouble(step: Mapping[str, Any]) -> str:
    """Say which accelerators of what a step is told are not on this machine; empty where that is none."""
    gpus = step.get("gpus")
    if not gpus or any(Path("/").glob(DEVICES[gpus["kind"]].lstrip("/"))):
        return ""
    return lack(gpus["key"], gpus["kind"])


def given(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables by which a container has which accelerators are its own."""
    return {into + name: environment[name] for name in VISIBLE if name in environment for into in INTO}


def gres(step: Mapping[str, Any], launcher: Sequence[str]) -> list[str]:
    """Return the words by which srun gives a step its accelerators; none where the job was not to ask for them.

    Args:
        launcher: words of every step, by which none has what its job has.
    """
    return [f"--gres=gpu:{step['gpus']['count']}"] if step.get("gpus") and NONE in launcher else []
