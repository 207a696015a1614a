"""The jobs of a stack that follow one another, as `mspass-stack status` shows them, and what they have used."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from mspass_stack.agent.chain import FOLDER, JOBS
from mspass_stack.machines.slurm_login import JobStatus

WORDS = {"PENDING": "waits", "RUNNING": "runs"}
"""What a state is called in a sentence; others are Slurm's."""


@dataclass(frozen=True)
class ChainView:
    """A chain in one look.

    Attributes:
        jobs: the state of each job, by its id: its own word for its end, else Slurm's.
        node_hours: what all of them have used until now.
    """

    jobs: dict[str, str]
    node_hours: float

    def __str__(self) -> str:
        """Return it in words; empty where it is one job only."""
        if len(self.jobs) < 2:
            return ""
        said = ", ".join(f"{id} {WORDS.get(state, state)}" for id, state in self.jobs.items())
        return f"chain of {len(self.jobs)} jobs: {said}; {self.node_hours:.1f} node-hours together"


def chain_of(read: Callable[[str], str], run: str, known: Iterable[JobStatus]) -> ChainView:
    """Return the chain of a run directory.

    Args:
        read: returns the text of a file, or raises an OSError.
        run: the run directory.
        known: the jobs of the stack that Slurm knows.
    """
    place, by_id = f"{run}/{FOLDER}", {job.id: job for job in known}
    jobs: dict[str, str] = {}
    used = 0.0
    for id in _json(read, f"{place}/{JOBS}").get("jobs", ()):
        starts: list[dict[str, Any]] = _json(read, f"{place}/{id}.json").get("starts", [])
        slurms = by_id.get(id)
        if slurms and not slurms.is_over:
            jobs[id] = slurms.state
            if slurms.state != "PENDING" and starts and not starts[-1]["state"]:
                starts.pop()  # of the start that goes on Slurm knows more than its last note
            used += slurms.node_hours
        else:
            jobs[id] = (starts[-1]["state"] if starts else "") or (slurms.state if slurms else "ended")
        used += sum(one["nodes"] * (one["seen"] - one["begun"]) / 3600 for one in starts)
    return ChainView(jobs, round(used, 1))


def _json(read: Callable[[str], str], path: str) -> dict[str, Any]:
    try:
        return dict(json.loads(read(path)))
    except (OSError, ValueError):
        return {}
