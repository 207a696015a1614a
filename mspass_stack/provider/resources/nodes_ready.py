"""`NodesReady`: the readiness check of the processes of one role on the nodes of a job."""

from collections.abc import Mapping
from typing import Any

from mspass_stack.errors import EngineError, InitFailed
from mspass_stack.machines import machine, slurm_node
from mspass_stack.managers import manager_of
from mspass_stack.managers.base import ProcessManager
from mspass_stack.polling import wait_until
from mspass_stack.provider.probes import Seen, probe, size
from mspass_stack.provider.resources.base import Call, Resource
from mspass_stack.provider.resources.node_processes import each
from mspass_stack.provider.resources.ready import GLANCES
from mspass_stack.provider.resources.rest import or_rest, rests
from mspass_stack.provider.server.codec import Props
from mspass_stack.spec.job_resources import NodesReadyInputs
from mspass_stack.spec.process import SlurmProcess

NAMED = 5
"""Of many that are not ready, so many are named."""


class NodesReady(Resource[NodesReadyInputs]):
    """Outputs, by host: `runs`, which run of the process was seen ready; `sizes`, what its node has given it."""

    model = NodesReadyInputs

    def create(self, call: Call) -> tuple[str, Props]:
        id = f"{call.inputs['stack']}/{call.name}"
        if call.preview:
            return id, {}
        inputs = self.parse(call.inputs)
        check = _Check(inputs)
        none = {"runs": dict.fromkeys(check.processes, ""), "sizes": {}}
        return id, or_rest(inputs.connection, lambda: check.wait(call, id), lambda: none)

    def read(self, call: Call) -> Props:
        inputs = self.parse(call.inputs)
        if rests(inputs.connection):
            return call.outputs
        if not slurm_node(inputs.connection).allocation():
            raise InitFailed(call.id, call.outputs, "no job runs")
        check = _Check(inputs)
        if missing := check.missing(check.processes):
            raise InitFailed(call.id, call.outputs, check.told(missing))
        return call.outputs | check.seen(check.processes)


class _Check:
    """A look at all of the processes.

    Attributes:
        processes: by host.
    """

    def __init__(self, inputs: NodesReadyInputs) -> None:
        self._inputs = inputs
        known = [process for group in inputs.processes for process, _ in group.each()]
        self.processes = {process.host: process for process in known}
        self._prober = machine(inputs.probe_connection)
        first = known[0]
        self._manager: ProcessManager = manager_of(first.manager, inputs.connection, first.stack_dir, inputs.stack_id)

    def missing(self, processes: Mapping[str, SlurmProcess]) -> dict[str, str]:
        """Look once, and return by host what is still missing where something is."""
        seen: Seen = {}
        found = {
            host: probe(process.probe, self._prober, self._inputs.authority, seen)
            for host, process in processes.items()
        }
        return {host: what for host, what in found.items() if what is not None}

    def seen(self, processes: Mapping[str, SlurmProcess]) -> dict[str, dict[str, Any]]:
        """Return the outputs for processes that are ready."""
        found = each(self._look, processes.values())
        runs, sizes = zip(*found, strict=True) if found else ((), ())
        return {"runs": dict(zip(processes, runs, strict=True)), "sizes": dict(zip(processes, sizes, strict=True))}

    def told(self, missing: Mapping[str, str]) -> str:
        """Say which are not ready, and how the first of them ended."""
        names = [f"{self.processes[host].name} on host '{host}'" for host in missing]
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        first = next(iter(missing))
        try:
            end = self._manager.exit_report(self.processes[first].name)
        except EngineError as error:
            end = str(error)
        counted = f"{len(missing)} of {len(self.processes)} are not ready: {', '.join(names[:NAMED])}{more}"
        return f"{counted}; {names[0]}: {missing[first]}; {end}"

    def wait(self, call: Call, id: str) -> Props:
        """Wait until all are ready, and return the outputs.

        Raises:
            InitFailed: some are not.
        """
        pending, missing, looks, said = dict(self.processes), dict[str, str](), 0, ""

        def settled() -> bool:
            nonlocal pending, missing, looks, said
            try:
                missing = self.missing(pending)
                pending = {host: self.processes[host] for host in missing}
                looks += 1
                if looks % GLANCES == 0 and all(each(self._has_given_up, pending.values())):
                    return True
            except EngineError as error:
                missing = {host: missing.get(host) or str(error) for host in pending}
            now = f"waiting for {len(pending)} of {len(self.processes)}" if pending else ""
            if now not in ("", said):
                said = now
                call.say("status", f"{now}: {next(iter(missing.values()))}")
            return not pending

        wait_until(settled, max(process.probe.deadline for process in self.processes.values()))
        outputs = self.seen({host: process for host, process in self.processes.items() if host not in pending})
        if pending:
            raise InitFailed(id, outputs, self.told(missing))
        return outputs

    def _look(self, process: SlurmProcess) -> tuple[str, dict[str, int]]:
        return self._manager.incarnation(process.name), size(process.probe, self._prober)

    def _has_given_up(self, process: SlurmProcess) -> bool:
        return self._manager.has_given_up(process.name)
