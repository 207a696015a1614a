"""The Slurm job of a stack, as `mspass-stack status` shows it: by Slurm while it knows it, else by its own record."""

import json
import time
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

from pydantic.alias_generators import to_camel

from mspass_stack.agent.allocation import FILE
from mspass_stack.agent.batch_run import BatchRun
from mspass_stack.agent.job_signs import BEAT, END
from mspass_stack.cli.chain import ChainView, chain_of
from mspass_stack.errors import StackError
from mspass_stack.machines import slurm_node
from mspass_stack.machines.slurm import SlurmNode
from mspass_stack.machines.slurm_login import JobStatus, SlurmLogin, alive
from mspass_stack.spec.connection import ConnectionSpec
from mspass_stack.spec.inventory import Inventory

FEW = 8
"""Nodes that are named one by one; more of them as Slurm's host list."""

AGAIN, ANEW = "pulumi up submits another", "pulumi up in an allocation starts the cluster again"
NO_OTHER = "what it was for is done, and no other one is submitted"


@dataclass(frozen=True)
class JobView:
    """A job in one look.

    Attributes:
        state: Slurm's word; of a job that is over that of its own record.
        why: Slurm's reason for which it waits, its own for which it ended, or what cannot be said.
        nodes: Slurm's name by host, once the job has named them; `host_list` is Slurm's own.
        start, end: as Slurm writes them; the start of a job that waits is an estimate.
        left: of its time, as Slurm writes it.
        batch: what became of what it runs by itself, in words; empty where that is nothing.
        rests: whether no other one is submitted, since that has ended.
        given: whether it is its user's own, and goes on without the cluster.
        chain: the jobs that go before it and after it.
    """

    id: str = ""
    state: str = ""
    why: str = ""
    nodes: dict[str, str] = field(default_factory=dict[str, str])
    host_list: str = ""
    start: str = ""
    end: str = ""
    left: str = ""
    node_hours: float = 0.0
    is_over: bool = False
    batch: str = ""
    rests: bool = False
    given: bool = False
    chain: ChainView = field(default_factory=partial(ChainView, {}, 0.0))

    def __str__(self) -> str:
        return "\n".join(filter(None, [self._of_job(), str(self.chain), self.batch]))

    def _of_job(self) -> str:
        if not self.state:
            return f"job: {self.why}"
        if self.is_over:
            when = f" at {self.end}" if self.end else ""
            why = f" ({'; '.join(self.why.splitlines())})" if self.why else ""
            again = NO_OTHER if self.rests else ANEW if self.given else AGAIN
            return f"job {self.id} ended: {self.state}{when}{why}; {again}"
        if self.state == "PENDING":
            return f"job {self.id} PENDING: {self.why}, {_estimate(self.start)}"
        nodes = list(self.nodes.values()) or list(filter(None, [self.host_list]))
        where = ", ".join(nodes) if len(nodes) <= FEW else f"{len(nodes)} nodes, {nodes[0]} to {nodes[-1]}"
        on = f" on {where}" if nodes else ""
        cost = f"{self.node_hours:.1f} node-hours"
        return f"job {self.id} {self.state}{on} since {_plain(self.start)}, {self.left} left, {cost}"

    def dump(self) -> dict[str, Any]:
        """Return it for programs, by camelCase names."""
        known = {to_camel(name): value for name, value in asdict(self).items()}
        return known | {"chain": self.chain.jobs, "chainNodeHours": self.chain.node_hours}


def job_of(inventory: Inventory) -> JobView | None:
    """Return how the job of a stack is now; None where it has its hosts without one."""
    place = next(iter(inventory.hosts.values()))
    return job_by(place.connection, inventory.stack, inventory.stack_id, place.stack_dir)


def job_by(connection: ConnectionSpec, stack: str, stack_id: str, stack_dir: str) -> JobView | None:
    """Return the same by how one of its hosts is reached."""
    if not connection.job:
        return None
    node = slurm_node(connection)
    try:
        own = _jobs(node, stack, stack_id, stack_dir)
        # One that was cancelled while it waited tells nothing of the cluster.
        last = next(iter([*alive(own), *(job for job in own if job.nodes), *own]), None)
        allocation = {} if last is None or last.is_over or last.state == "PENDING" else node.allocation()
        batch = BatchRun(node.login.read, f"{stack_dir}/run", allocation)
        if last and not last.is_over:
            found = _alive(last, allocation)
        else:
            found = _over(_record(node.login.read, f"{stack_dir}/run"), last)
        chain = chain_of(node.login.read, f"{stack_dir}/run", own)
        return replace(found, batch=str(batch), rests=found.is_over and batch.ends_the_job, chain=chain)
    except StackError as error:
        return JobView(why=str(error))


def _jobs(node: SlurmNode, stack: str, stack_id: str, stack_dir: str) -> list[JobStatus]:
    """Return the jobs of a stack that Slurm knows: those that were submitted, or that of its user which it is in."""
    slurm = SlurmLogin(node.login)
    own = slurm.own(stack, stack_id, stack_dir)
    known = {} if alive(own) else _known(node.login.read, f"{stack_dir}/run", FILE)
    is_up = known.get("step") and known["step"] in slurm.steps(known["job"])
    given = slurm.job(known["job"]) if is_up else None
    return [given] if given else own


def _alive(job: JobStatus, allocation: dict[str, Any]) -> JobView:
    its: dict[str, dict[str, str]] = allocation["nodes"] if allocation.get("job") == job.id else {}
    return JobView(
        id=job.id,
        state=job.state,
        why=job.reason if job.state == "PENDING" else "",
        nodes={host: node["name"] for host, node in its.items()},
        host_list=job.nodes,
        start=job.start,
        end=job.end,
        left=job.left,
        node_hours=round(job.node_hours, 1),
    )


def _over(record: dict[str, Any], last: JobStatus | None) -> JobView:
    """Return how the last one ended: by its own record, else in Slurm's word, which forgets after minutes."""
    if record.get("state") and (last is None or record["job"] == last.id):
        when = time.strftime("%F %T", time.localtime(float(record["when"])))
        return JobView(
            id=record["job"],
            state=record["state"],
            why=record.get("why", ""),
            end=when,
            is_over=True,
            given=bool(record.get("step")),
        )
    if last:
        return JobView(id=last.id, state=last.state, end=_plain(last.end), is_over=True)
    if record:
        return JobView(id=record["job"], state="nobody wrote down how", is_over=True)
    return JobView(why=f"none was submitted yet, or nothing is left of it; {AGAIN}")


def _record(read: Any, run: str) -> dict[str, Any]:
    """Return the end record, else what the last sign of life says of whose it is."""
    found = _known(read, run, END)
    return found or {key: value for key, value in _known(read, run, BEAT).items() if key == "job"}


def _known(read: Any, run: str, name: str) -> dict[str, Any]:
    try:
        return dict(json.loads(read(f"{run}/{name}")))
    except (OSError, ValueError):
        return {}


def _estimate(start: str) -> str:
    return "no estimate of its start" if start in ("", "N/A") else f"estimated start {_plain(start)}"


def _plain(moment: str) -> str:
    return moment.replace("T", " ")
