"""Know whether the cluster of a stack is in an allocation of its user's own."""

import json

from mspass_stack.agent.allocation import FILE
from mspass_stack.agent.lease import FILE as LEASE
from mspass_stack.machines.slurm import SlurmNode
from mspass_stack.machines.slurm_login import SlurmLogin


def given_in(node: SlurmNode, run: str) -> str:
    """Return the job that the cluster is in, or what is left of it; empty where that is none of its user's own.

    Args:
        run: the run directory.
    """
    try:
        known = json.loads(node.read(f"{run}/{FILE}"))
    except (OSError, ValueError):
        return ""
    if not known.get("step"):
        return ""
    slurm = SlurmLogin(node.login)
    job = slurm.job(known["job"])
    if job is None or job.state != "RUNNING":
        return ""
    return job.id if known["step"] in slurm.steps(job.id) or _has_data(node, run, job.id) else ""


def _has_data(node: SlurmNode, run: str, job: str) -> bool:
    """Whether a job has not given back the data."""
    try:
        return bool(node.read(f"{run}/{LEASE}").split()[:1] == [job])
    except OSError:
        return False
