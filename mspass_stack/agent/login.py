"""Make the environment that daemons start in from the one of the login."""

from __future__ import annotations

import os

STRIPPED = ("PULUMI_", "MSPASS_", "DASK_SCHEDULER_ADDRESS", "DASK_DISTRIBUTED__COMM__", "JUPYTER_", "SUPERVISOR_")
"""Prefixes of environment names that a daemon must not inherit from the shell that runs Pulumi: a client profile of
another stack may be in it, or the server of a notebook."""

KEPT = frozenset({"JUPYTER_PATH", "MSPASS_HOME"})
"""Names with such a prefix that say where a user's kernels, extensions and MsPASS itself are."""


def daemon_environment() -> dict[str, str]:
    """Return what a daemon inherits.

    A caller that took PYTHONPATH away from its own tools hands it on as MSPASS_PYTHONPATH.
    """
    found = {key: value for key, value in os.environ.items() if key in KEPT or not key.startswith(STRIPPED)}
    if "MSPASS_PYTHONPATH" in os.environ:
        found["PYTHONPATH"] = os.environ["MSPASS_PYTHONPATH"]
    return found
