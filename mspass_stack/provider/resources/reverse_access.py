"""`ReverseAccess`: where the login hosts to which a job dials out lead to its Jupyter."""

from typing import Any

from mspass_stack.agent.reverse import report_of
from mspass_stack.machines import slurm_node
from mspass_stack.polling import wait_until
from mspass_stack.provider.resources.base import Call, Resource
from mspass_stack.provider.server.codec import Props
from mspass_stack.spec.job_resources import ReverseAccessInputs

WAIT, PAUSE = 30.0, 0.5
"""Seconds for the ways to begin, and between two looks: a job has them up before its database."""


class ReverseAccess(Resource[ReverseAccessInputs]):
    """Output `seen`: of each login host `login`, `at` (where the way begins there) and `why` nowhere."""

    model = ReverseAccessInputs

    def create(self, call: Call) -> tuple[str, Props]:
        id = f"{call.inputs['stack']}/reverse"
        return id, {} if call.preview else self._seen(call, WAIT)

    def read(self, call: Call) -> Props:
        return call.outputs | self._seen(call, 0)

    def _seen(self, call: Call, seconds: float) -> Props:
        inputs = self.parse(call.inputs)
        node, run = slurm_node(inputs.connection), f"{inputs.stack_dir}/run"
        allocation = node.allocation()

        def look() -> list[dict[str, Any]]:
            return [report_of(node.read, run, login, allocation) for login in inputs.logins]

        if allocation:
            wait_until(lambda: all(one["at"] for one in look()), seconds, PAUSE)
        seen = look()
        for one in seen if allocation else ():
            if not one["at"]:
                call.say(
                    "warning",
                    f"mspass:cluster.slurm.access.reverse: no way by {one['login']}: {one['why']}; the job tries again",
                )
        return {"seen": seen}
