"""An allocation that its user has got: the job's own program runs in it as a step, and it stays the user's."""

from collections.abc import Mapping
from typing import Any

from mspass_stack.agent.failures import FILE as FAILURES
from mspass_stack.agent.job_signs import END
from mspass_stack.agent.lease import FILE as LEASE
from mspass_stack.errors import Refused
from mspass_stack.polling import wait_until
from mspass_stack.provider.resources.rest import PAUSE, STOP
from mspass_stack.provider.resources.slurm_job import Submission
from mspass_stack.provider.server.codec import Props
from mspass_stack.spec.job import job_name

START = 30.0
"""Seconds for a step to be there."""


class GivenJob(Submission):
    """The cluster of a stack in an allocation that somebody else has submitted."""

    def ensure(self, known: str = "") -> Props:
        """Start it in the allocation, where it does not run; return the outputs.

        Raises:
            Refused: it runs elsewhere, or its step does not start.
        """
        job = self.inputs.asked.current
        self._leave(job)
        self.write()
        self.chain.forget()
        if not self._step(job):
            self._call.say("status", f"starting in job {job}")
            # What a former start has left is none of this one's.
            for file in (END, FAILURES):
                self._node.remove(f"{self._run}/{file}")
            log = f"{self.inputs.stack_dir}/log"
            self.slurm.start_step(job, self._name, self.inputs.asked.launcher, f"{self._run}/job.sh", log)
            if not wait_until(lambda: bool(self._step(job) or self._record(END)), START, PAUSE):
                raise Refused(f"srun starts no step in job {job}: what it says is in {log}/job.srun.log")
        return {"job": job, "ended": {}}

    def seen(self, id: str) -> Props:
        """Return the outputs as they are now."""
        return {"job": id, "ended": {} if self._step(id) else self.end(self.slurm.job(id))}

    def announce(self, ended: Mapping[str, Any]) -> None:
        """Say where it starts."""
        if ended:
            how = f"{ended['state']} at {ended['when']}"
            self._call.say("info", f"job {self._call.outputs['job']} ended by {how}; it starts in {self.inputs.asked}")

    def finish(self) -> None:
        """Stop the cluster in order; the allocation stays."""
        self.stop(self._call.outputs["job"])

    def stop(self, id: str) -> None:
        """Stop the cluster in an allocation in order; end what is left.

        Raises:
            Refused: it does not end.
        """
        if step := self._step(id):
            self._call.say("status", f"the cluster in job {id} stops in order")
            self.slurm.signal(step)
            self.await_stop(lambda: not self._step(id))
            self.slurm.cancel(step)
        status = self.slurm.job(id)
        if status and status.state == "RUNNING":  # its program may have been killed, and left what it held
            self._node.login.agent.call("end_left_steps", directory=self.inputs.stack_dir, job=id)
        if not wait_until(lambda: not self._step(id), STOP, PAUSE):
            raise Refused(
                f"the step {self._name} of job {id} has not ended within {STOP:.0f} s: squeue --steps -j {id}"
            )

    def _own_words(self) -> dict[str, Any]:
        # Slurm tells its end to a batch script, and this one's is not ours.
        return {"given": True, "lead": 0, "least": self.inputs.asked.lead}

    @property
    def _name(self) -> str:
        return job_name(self.inputs.stack, self.inputs.stack_id)

    def _step(self, job: str) -> str:
        return self.slurm.step(job, self._name)

    def _leave(self, job: str) -> None:
        """Have the cluster in no other job.

        Raises:
            Refused: it is, and nobody has asked for its end.
        """
        elsewhere = self._elsewhere(job)
        if elsewhere and not self.inputs.asked.replace:
            raise Refused(
                f"mspass:cluster.slurm.job: 'current': the cluster is in job {elsewhere}: expected that to be over; "
                "pulumi config set mspass:replaceJob true stops it in order, once, and goes on in this one"
            )
        self.chain.end(super().stop)
        if elsewhere and elsewhere == self.given:
            self.stop(elsewhere)
            self._node.remove(f"{self._run}/{LEASE}")

    def _elsewhere(self, job: str) -> str:
        """Return the other job that the cluster is in, or waits for; empty where there is none."""
        others = [*(one.id for one in self.chain.alive), self.given]
        return next((id for id in others if id not in ("", job)), "")
