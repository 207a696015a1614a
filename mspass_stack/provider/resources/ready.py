"""`Ready`: the readiness check of a process."""

from contextlib import suppress

from mspass_stack.errors import EngineError, InitFailed
from mspass_stack.machines import machine, slurm_node
from mspass_stack.managers import manager_of
from mspass_stack.managers.base import ProcessManager
from mspass_stack.polling import wait_until
from mspass_stack.provider.probes import probe, size
from mspass_stack.provider.resources.base import Call, Resource
from mspass_stack.provider.resources.drain import drain
from mspass_stack.provider.resources.node_processes import has_taken_over
from mspass_stack.provider.resources.rest import or_rest, rests
from mspass_stack.provider.server.codec import Props
from mspass_stack.spec.resources import ReadyInputs

GLANCES = 10
"""Probes between two questions to a manager whether it has given up: an engine is busy with starting just now."""


class Ready(Resource[ReadyInputs]):
    """Outputs: `incarnation`, the run of the process that was seen ready; on a node of a job `size`, what it was given,
    and `way`, by which its ports were reached.
    """

    model = ReadyInputs

    def create(self, call: Call) -> tuple[str, Props]:
        process = call.inputs["process"]
        id = f"{call.inputs['stack']}/ready/{process['name']}@{process['host']}"
        if call.preview:
            return id, {}
        inputs = self.parse(call.inputs)
        return id, or_rest(inputs.connection, lambda: _wait(call, inputs, id), lambda: {"incarnation": ""})

    def read(self, call: Call) -> Props:
        inputs = self.parse(call.inputs)
        process = inputs.process
        if rests(inputs.connection):
            return call.outputs
        if missing := _missing(inputs):
            raise InitFailed(call.id, call.outputs, f"{process.name} on host '{process.host}' is not ready: {missing}")
        return call.outputs | _seen(inputs, _manager(inputs).incarnation(process.managed_name))

    def delete(self, call: Call) -> None:
        """Drain the process: a check goes before what it checks ends."""
        inputs = self.parse(call.inputs)
        if inputs.drain and inputs.drain_connection and not has_taken_over(inputs.process, inputs.connection):
            drain(inputs.drain, inputs.drain_connection, inputs.process.name, call)


def _missing(inputs: ReadyInputs) -> str | None:
    """Return what is missing of a process; nothing where it does its job."""
    host, process = machine(inputs.probe_connection), inputs.process
    with suppress(EngineError):
        if not _manager(inputs).incarnation(process.managed_name):
            return "it is not up"
    # Twice: a server of a busy machine may be silent for as long as one look lasts.
    return probe(process.probe, host, inputs.authority) and probe(process.probe, host, inputs.authority)


def _seen(inputs: ReadyInputs, incarnation: str) -> Props:
    probed = inputs.process.probe
    given = size(probed, machine(inputs.probe_connection))
    way = {"way": slurm_node(inputs.probe_connection).way} if inputs.probe_connection.job else {}
    return {"incarnation": incarnation, **({"size": given} if probed.size_file else {}), **way}


def _manager(inputs: ReadyInputs) -> ProcessManager:
    process = inputs.process
    return manager_of(process.manager, inputs.connection, process.stack_dir, inputs.stack_id)


def _wait(call: Call, inputs: ReadyInputs, id: str) -> Props:
    process, manager, host = inputs.process, _manager(inputs), machine(inputs.probe_connection)
    last, probes, incarnation = "", 0, ""

    def settled() -> str:
        nonlocal last, probes, incarnation
        try:
            missing = probe(process.probe, host, inputs.authority)
            if missing is None:
                incarnation = manager.incarnation(process.managed_name)
                return "ready"
            probes += 1
            if probes % GLANCES == 0 and manager.has_given_up(process.managed_name):
                return "gave up"
        except EngineError as error:
            missing = str(error)
        if missing != last:
            last = missing
            call.say("status", f"waiting: {missing}")
        return ""

    if wait_until(settled, process.probe.deadline) == "ready":
        return _seen(inputs, incarnation)
    try:
        end = manager.exit_report(process.managed_name)
    except EngineError as error:
        end = str(error)
    where = f"{process.probe.kind} at {process.probe.address}:{process.probe.port}"
    waited = f"{where}, within {process.probe.deadline} s"
    raise InitFailed(
        id, {"incarnation": ""}, f"{process.name} on host '{process.host}' is not ready ({waited}): {last}; {end}"
    )
