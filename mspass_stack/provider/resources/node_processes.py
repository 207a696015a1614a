"""`NodeProcesses`: the processes of one role on the nodes of a job: one resource, and a program for each."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

from mspass_stack.errors import InitFailed, Refused
from mspass_stack.machines import machine
from mspass_stack.managers import manager_of
from mspass_stack.managers.supervisord import Supervisord
from mspass_stack.polling import wait_until
from mspass_stack.provider.probes import Seen, probe
from mspass_stack.provider.resources.base import Call, Resource, changed
from mspass_stack.provider.resources.drain import drain
from mspass_stack.provider.server.codec import Props
from mspass_stack.spec.connection import ConnectionSpec
from mspass_stack.spec.job_resources import NodeProcessesInputs
from mspass_stack.spec.process import ProcessSpec, SlurmProcess
from mspass_stack.spec.resources import DrainSpec

AT_ONCE = 8
"""Of many processes, so many are asked for at the same time."""

PAUSE = 0.3
"""Seconds between two looks at what was restarted."""

Program = tuple[SlurmProcess, DrainSpec | None]

T = TypeVar("T")
R = TypeVar("R")


class NodeProcesses(Resource[NodeProcessesInputs]):
    """Outputs: `running`: the digests of the programs that are there, by host; `revision`: how often some were started,
    so that they are probed again."""

    model = NodeProcessesInputs

    def create(self, call: Call) -> tuple[str, Props]:
        id = f"{call.inputs['stack']}/{call.name}"
        inputs = None if call.preview else self.parse(call.inputs)
        return id, _ensure(call, inputs, id, programs(inputs)) if inputs else {}

    def read(self, call: Call) -> Props:
        """Look for each program; one that is gone is written again by the next update."""
        inputs = self.parse(call.inputs)
        manager, names = _manager(inputs), {host: process.name for host, (process, _) in programs(inputs).items()}
        found = each(lambda host: manager.observe(names[host]).digest, names)
        return call.outputs | {"running": {host: digest for host, digest in zip(names, found, strict=True) if digest}}

    def diff(self, call: Call) -> list[str]:
        names = changed(call.old_inputs, call.inputs, self.model.marked("unseen"))
        return names or (["digests"] if call.outputs.get("running") != call.inputs["digests"] else [])

    def update(self, call: Call) -> Props:
        """Write and start what is new or differs, and only then drain and stop what is to go."""
        if call.preview:
            return {}
        inputs, before = self.parse(call.inputs), self.parse(call.before)
        if _stack_dir(before) != _stack_dir(inputs):
            self.delete(replace(call, inputs=call.before))
            return self.create(call)[1]
        had, has, running = programs(before), programs(inputs), call.outputs.get("running", {})
        kept = {host for host in has if had.get(host) == has[host] and running.get(host) == inputs.digests[host]}
        failed: InitFailed | None = None
        outputs = call.outputs
        try:
            for turn in _turns(call, inputs, {host: has[host] for host in has if host not in kept}):
                outputs = _ensure(replace(call, outputs=outputs), inputs, call.id, turn, kept)
                kept |= {*turn}
        except InitFailed as error:
            failed = error
        # Also where others do not come up: the state has the new nodes alone from then on.
        _retire(call, before, [had[host] for host in had if host not in has])
        if failed:
            raise failed
        return outputs

    def delete(self, call: Call) -> None:
        """Stop all; nobody is left to take what they hold."""
        inputs = self.parse(call.inputs)
        if machine(inputs.connection).is_directory(f"{_stack_dir(inputs)}/run"):
            manager = _manager(inputs)
            each(manager.stop, [process.name for process, _ in programs(inputs).values()])


def programs(inputs: NodeProcessesInputs) -> dict[str, Program]:
    """Return each process with what goes before its stop, by host."""
    return {program[0].host: program for group in inputs.processes for program in group.each()}


def each(step: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Return what a step that waits for answers makes of each of many, some of them at once."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(step, items))


def has_taken_over(process: ProcessSpec, connection: ConnectionSpec) -> bool:
    """Return whether a program has been taken over by a resource of this kind from one of its own, which a former
    version of the stack had: then the end of that one ends nothing."""
    if not connection.job:
        return False
    host, step = machine(connection), f"{process.stack_dir}/run/{process.name}.json"
    return host.exists(step) and bool(json.loads(host.read(step)).get("together"))


def _ensure(
    call: Call,
    inputs: NodeProcessesInputs,
    id: str,
    wanted: Mapping[str, Program],
    kept: Collection[str] = (),
) -> Props:
    """Bring programs up as declared.

    Raises:
        InitFailed: some do not run; a line for each.
    """
    manager = _manager(inputs)
    call.say("status", f"starting {len(wanted)}")

    def start(program: Program) -> str:
        process, _ = program
        try:
            ended = manager.ensure(process, inputs.stack, inputs.digests[process.host])
        except Refused as refused:
            raise Refused(f"{process.name} on host '{process.host}': {refused}") from None
        return "" if ended["failed"] is None else f"{process.name} on host '{process.host}': {ended['failed']}"

    failed = [why for why in each(start, wanted.values()) if why]
    running = {host: inputs.digests[host] for host in sorted({*wanted, *kept})}
    outputs: Props = {"running": running, "revision": int(call.outputs.get("revision", 0)) + bool(wanted)}
    if failed:
        raise InitFailed(id, outputs, "\n".join(failed))
    return outputs


def _turns(call: Call, inputs: NodeProcessesInputs, wanted: Mapping[str, Program]) -> Iterator[dict[str, Program]]:
    """Yield what is started at the same time: what is not up, with one half of what is; the other when that is back.

    What is up is drained before. Where none is, as without a job, it is all of them at once.
    """
    manager = _manager(inputs)
    found = each(lambda one: manager.incarnation(one[0].name), wanted.values())
    up = [host for host, run in zip(wanted, found, strict=True) if run]
    second = up[(len(up) + 1) // 2 :]
    first = {host: program for host, program in wanted.items() if host not in second}
    _drain(call, inputs, [wanted[host] for host in up if host not in second])
    yield first
    if second:
        _wait(call, inputs, [first[host][0] for host in up if host not in second])
        _drain(call, inputs, [wanted[host] for host in second])
        yield {host: wanted[host] for host in second}


def _wait(call: Call, inputs: NodeProcessesInputs, processes: Sequence[SlurmProcess]) -> None:
    """Wait until processes do their job again; that they do not is for their check to say."""

    def missing() -> dict[str, str]:
        seen: Seen = {}
        hosts = {process.host: machine(inputs.connection.sibling(process.probe.host)) for process in processes}
        found = {process.host: probe(process.probe, hosts[process.host], "", seen) for process in processes}
        return {host: what for host, what in found.items() if what is not None}

    call.say("status", f"waiting for {len(processes)} that were restarted")
    wait_until(lambda: not missing(), max(process.probe.deadline for process in processes), PAUSE)


def _drain(call: Call, inputs: NodeProcessesInputs, programs: Iterable[Program]) -> None:
    connection = inputs.drain_connection

    def give_away(program: Program) -> None:
        process, asked = program
        if asked and connection:
            own = asked.process == process.managed_name
            drain(asked, connection.sibling(process.host) if own else connection, process.name, call)

    each(give_away, programs)


def _retire(call: Call, inputs: NodeProcessesInputs, leaving: Iterable[Program]) -> None:
    manager = _manager(inputs)

    def retire(program: Program) -> None:
        process, _ = program
        if manager.incarnation(process.name):
            _drain(call, inputs, [program])
        manager.stop(process.name)

    each(retire, leaving)


def _stack_dir(inputs: NodeProcessesInputs) -> str:
    return inputs.processes[0].process.stack_dir


def _manager(inputs: NodeProcessesInputs) -> Supervisord:
    manager = manager_of(inputs.processes[0].process.manager, inputs.connection, _stack_dir(inputs), inputs.stack_id)
    assert isinstance(manager, Supervisord)
    return manager
