"""The job of a stack at Slurm: found again, submitted, followed, stopped in order."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from mspass_stack.agent.allocation import FILE
from mspass_stack.agent.job_signs import BEAT, END
from mspass_stack.agent.preparation import STEP
from mspass_stack.agent.store import FOLDER, unsaved
from mspass_stack.agent.write_lock import STEP as CHECKPOINT
from mspass_stack.errors import Refused
from mspass_stack.machines import slurm_node
from mspass_stack.machines.bundle import Kind, agent_bundle, ensure_bundle, file_name, supervisor_bundle
from mspass_stack.machines.slurm import SlurmNode
from mspass_stack.machines.slurm_login import JobStatus, SlurmLogin
from mspass_stack.polling import wait_until
from mspass_stack.provider.resources.base import Call
from mspass_stack.provider.resources.batch import write_batch
from mspass_stack.provider.resources.given import given_in
from mspass_stack.provider.resources.job_chain import JobChain
from mspass_stack.provider.resources.job_script import job_script
from mspass_stack.provider.resources.rest import PAUSE, STOP, batch_run
from mspass_stack.provider.server.codec import Props
from mspass_stack.spec.job import JobSpec, job_comment, job_name
from mspass_stack.spec.job_resources import SlurmJobInputs
from mspass_stack.spec.topology import FIRST_NODE

NOT_ITS = {"replace": False, "rescue": False, "queue_wait": 0, "reverse": ()}
"""What is asked of one `up` and not of a job, and what one that runs does at once."""


class Submission:
    """The job of a stack at its login host."""

    def __init__(self, call: Call, inputs: SlurmJobInputs) -> None:
        self._call, self.inputs = call, inputs
        self._node: SlurmNode = slurm_node(inputs.connection)
        self.slurm = SlurmLogin(self._node.login)
        self._run = f"{inputs.stack_dir}/run"
        self.chain = JobChain(self._node, self._run, self._own, self._words, self._warn)

    def ensure(self, known: str = "") -> Props:
        """Find the stack's own job, or submit one; return the outputs.

        Args:
            known: the id that the state has.
        """
        self._refuse_given()
        self.write()
        self.settle()
        if alive := self.chain.complete(self.inputs.asked.jobs):
            job = alive[0]
            if known and self.chain.joins(known, job.id) and self._is_changed():
                return {"job": self._changed(job), "ended": {}}
            return {"job": job.id, "ended": {}}
        if self.is_done_with():
            return {"job": known or self._last(), "ended": {}}
        self._call.say("status", f"submitting {self.inputs.asked}")
        return {"job": self.chain.submit(self.inputs.asked.jobs), "ended": {}}

    def _refuse_given(self) -> None:
        """Refuse a second job beside the cluster in an allocation of its user's own.

        Raises:
            Refused: it is there.
        """
        if job := self.given:
            raise Refused(
                f"mspass:cluster.slurm.job: the cluster is in job {job}, which is its user's own: expected 'current', "
                "or pulumi destroy (the data stay) before another is submitted"
            )

    @property
    def given(self) -> str:
        """The job of its user that the cluster is in, or what is left of it; empty where it is in none."""
        return given_in(self._node, self._run)

    def seen(self, id: str) -> Props:
        """Return the outputs as they are now.

        Args:
            id: of the job that the state has.
        """
        self.settle()
        status = self.slurm.job(id)
        if (status and not status.is_over) or self.is_done_with():
            return {"job": id, "ended": {}}
        follower = next((job.id for job in self.chain.alive if self.chain.joins(id, job.id)), "")
        return {"job": follower or id, "ended": {} if follower else self.end(status)}

    def announce(self, ended: Mapping[str, Any]) -> None:
        """Say what becomes of it, since it has ended or something was changed.

        Args:
            ended: how it did.
        """
        id, preview = self._call.outputs["job"], self._call.preview
        if ended:
            what = (
                f"job {id} ended by {ended['state']} at {ended['when']}; a new one is submitted ({self.inputs.asked})"
            )
            self._call.say("info", what)
        if ended and preview:
            self._call.say("info", f"Slurm takes it: {self.slurm.test(self.inputs.asked.options)}")
        elif preview:
            self.tell_what_waits(id)

    def finish(self) -> None:
        """Take those that wait out of the queue, and stop the one that runs in order."""
        self.chain.end(self.stop)

    def is_done_with(self) -> bool:
        """Whether no job is needed any more: that of the batch run has stopped after it, as was asked."""
        return bool(self.inputs.batch) and batch_run(self._node, self._run).ends_the_job

    def settle(self) -> None:
        """Wait for what completes: it is over then, or waits to be started again."""
        wait_until(lambda: all(job.state != "COMPLETING" for job in self._own()), STOP, PAUSE)

    def stop(self, id: str) -> None:
        """Stop a job in order, and wait for its end record; cancel what is left.

        Raises:
            Refused: it does not end.
        """
        status = self.slurm.job(id)
        if status and status.state == "RUNNING":
            self._call.say("status", f"job {id} stops in order")
            self.slurm.stop(id)
            self.await_stop(lambda: self._is_over(id))
        self.slurm.cancel(id)
        if not wait_until(lambda: self._is_over(id), STOP, PAUSE):
            raise Refused(f"job {id} has not ended within {STOP:.0f} s: squeue -j {id}")
        self._node.forget()

    def await_stop(self, is_over: Callable[[], bool]) -> None:
        """Wait for an end, and as long as data are copied."""
        while True:
            before = self._record(BEAT)
            if wait_until(is_over, STOP, PAUSE):
                return
            beat = self._record(BEAT)
            if beat.get("state") != "STAGING" or beat == before:
                return

    def end(self, status: JobStatus | None) -> dict[str, Any]:
        """Return how a job ended: by its own record, else in Slurm's word, which forgets after minutes."""
        known = self._record(END)
        if known.get("job") == self._call.outputs["job"]:
            when = time.strftime("%F %T", time.localtime(float(known["when"])))
            unsaved = {"unsaved": known["unsaved"]} if known.get("unsaved") else {}
            return {"state": known["state"], "exit": known["exit"], "when": when, **unsaved}
        return {"state": status.state if status else "an end that nobody wrote down", "exit": -1, "when": "?"}

    def _last(self) -> str:
        return str(self._record(FILE).get("job", ""))

    def _record(self, file: str) -> dict[str, Any]:
        try:
            return dict(json.loads(self._node.read(f"{self._run}/{file}")))
        except (OSError, ValueError):
            return {}

    def _own(self) -> list[JobStatus]:
        return self.slurm.own(self.inputs.stack, self.inputs.stack_id, self.inputs.stack_dir)

    def _warn(self, text: str) -> None:
        self._call.say("warning", text)

    def _is_changed(self, **same: int) -> bool:
        """Return whether other jobs are asked for than before.

        Args:
            same: what does not count.
        """
        both = (self._call.old_inputs, self._call.inputs)
        # A field that a state of an earlier version lacks has its default there.
        asked = [JobSpec.model_validate({**inputs["asked"], **NOT_ITS, **same}) for inputs in both]
        return asked[0] != asked[1]

    def _changed(self, job: JobStatus) -> str:
        """Take over other directives: those that wait are submitted anew, for one that runs they hold next time."""
        if job.state != "PENDING" and self.inputs.asked.replace:
            self.chain.end(self.stop)
            return self.chain.submit(self.inputs.asked.jobs)
        if job.state != "PENDING":
            self._say_that_it_waits(job)
        return self.chain.follow(self.inputs.asked.jobs)

    def tell_what_waits(self, id: str) -> None:
        """Say it where what changed is not for the job that runs."""
        job = self.slurm.job(id)
        if job and job.state == "RUNNING" and self._is_changed() and not self.inputs.asked.replace:
            self._say_that_it_waits(job)

    def _say_that_it_waits(self, job: JobStatus) -> None:
        if self._is_changed(jobs=1):
            self._call.say("warning", f"job {job.id} runs as it was submitted: what changed holds for the next one")

    def _is_over(self, id: str) -> bool:
        status = self.slurm.job(id)
        return status is None or status.is_over

    def write(self) -> None:
        """Write what the job starts with, each file named after its content or whole."""
        agent, supervisor = self._pack("agent", agent_bundle()), self._pack("supervisor", supervisor_bundle())
        job = self.inputs.asked
        settings = {
            "stack_id": self.inputs.stack_id,
            "supervisor": supervisor,
            "launcher": list(job.launcher),
            "local": job.local,
            "storage": job.storage,
            "checkpoint": job.checkpoint,
            **self._own_words(),
            "domain": job.domain,
            "address": {"interface": job.interface, "suffix": job.suffix, "domain": job.domain_of_nodes},
        }
        self._node.write(f"{self._run}/job.json", json.dumps(settings, indent=1) + "\n")
        self._node.write(f"{self._run}/job.sh", job_script(job, agent, self.inputs.stack_dir))

        if self.inputs.preparation:
            self._write_preparation(self._pack("ensure", ensure_bundle(), f"{self._run}/{STEP}"))
        write_batch(self._node, self._run, self.inputs.batch, self.inputs.batch_source)

    def _own_words(self) -> dict[str, Any]:
        """Return what the job has to know of itself, and of those that wait for its end."""
        name, comment = self._names()
        return {"lead": self.inputs.asked.lead, "name": name, "comment": comment}

    def _names(self) -> tuple[str, str]:
        inputs = self.inputs
        return job_name(inputs.stack, inputs.stack_id), job_comment(inputs.stack_id, inputs.stack_dir)

    def _write_preparation(self, program: str) -> None:
        """Write the steps that prepare the database and hold it still: they have no program of supervisord."""
        *wrapper, python, isolated = self.inputs.preparation
        step: dict[str, Any] = {
            "wrapper": wrapper,
            "argv": [python, isolated, program, f"{self._run}/{STEP}"],
            "host": FIRST_NODE,
            "ports": [],
            "room": 0,
            "parts": 0,
        }
        held = {**step, "argv": [*step["argv"], "lock"]}
        for name, told in ((STEP, step), (CHECKPOINT, held)):
            self._node.write(f"{self._run}/{name}.json", json.dumps(told, indent=1) + "\n")

    def _nodes_with_data(self) -> list[str]:
        """Return the nodes on which the last job has left data that are not stored."""

        def read(name: str) -> str:
            return str(self._node.read(f"{self.inputs.stack_dir}/{FOLDER}/{name}"))

        nodes = sorted({*unsaved(read).get("members", {}).values()})
        said = f"the data that are not stored are on {', '.join(nodes)}: the job asks for these nodes"
        self._call.say("info", said if nodes else "no data are left on nodes: mspass:rescue asks for none")
        return nodes

    def _pack(self, kind: Kind, content: bytes, directory: str = "") -> str:
        path = f"{directory or self._run}/{file_name(kind, content)}"
        if not self._node.exists(path):
            self._node.write(path, content)
        return path

    def _words(self, is_first: bool) -> list[str]:
        job = self.inputs.asked
        rescues = is_first and job.rescue
        name, comment = self._names()
        log = f"{self.inputs.stack_dir}/log/job.log"
        return [
            f"--job-name={name}",
            f"--comment={comment}",
            # A second one of the same name waits until the first is over: never two at once.
            "--dependency=singleton",
            f"--output={log}",
            "--open-mode=append",
            *job.options,
            *([f"--nodelist={','.join(nodes)}"] if rescues and (nodes := self._nodes_with_data()) else []),
            f"{self._run}/job.sh",
        ]
