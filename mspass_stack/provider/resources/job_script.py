"""The batch script of a stack's job: it finds a Python and becomes `agent.job`. Pure."""

import shlex

from mspass_stack.machines.agent import NEWER
from mspass_stack.spec.job import JobSpec

PYTHONS = ("python3", *NEWER)
"""Where a Python is looked for that the profile does not name."""

CANCEL = 'scancel --user="$(id -un)" --name="$SLURM_JOB_NAME" --state=PENDING'
"""Ends the chain of a job that cannot even say what is wrong: each after it would end as soon."""


def job_script(job: JobSpec, agent: str, stack_dir: str) -> str:
    """Return the batch script.

    Args:
        agent: path of the agent, packed.
        stack_dir: the stack's directory.
    """
    pythons = shlex.join([*([job.python] if job.python else []), *PYTHONS])
    is_new = "-I -c 'import sys; sys.exit(sys.version_info < (3, 8))'"
    return "\n".join(
        [
            "#!/bin/bash -l",
            *job.prelude,
            f"for python in {pythons}; do",
            f'    if "$python" {is_new} 2>/dev/null; then',
            f'        exec "$python" -I {shlex.quote(agent)} job {shlex.quote(stack_dir)}',
            "    fi",
            "done",
            *([CANCEL] if job.jobs > 1 else []),
            "echo 'no Python 3.8 or newer on the nodes: load one by a line of the prelude of the profile' >&2",
            "exit 1",
            "",
        ]
    )
