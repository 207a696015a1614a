"""`HostProcess`: a process that runs on a host as declared, under the supervisord of its stack's directory."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace

from mspass_stack.errors import InitFailed, Refused
from mspass_stack.machines import machine
from mspass_stack.managers import manager_of
from mspass_stack.managers.supervisord import Supervisord
from mspass_stack.provider.resources.base import Call, Resource, changed
from mspass_stack.provider.resources.node_processes import has_taken_over
from mspass_stack.provider.server.codec import Props
from mspass_stack.spec.process import ContainedProcess
from mspass_stack.spec.resources import HostProcessInputs


class HostProcess(Resource[HostProcessInputs]):
    """Outputs: `incarnation`, and `running`: the digest of what runs."""

    model = HostProcessInputs

    def create(self, call: Call) -> tuple[str, Props]:
        process = call.inputs["process"]
        id = f"{call.inputs['stack']}/{process['name']}@{process['host']}"
        return id, {} if call.preview else self._ensure(call, id)

    def read(self, call: Call) -> Props | None:
        inputs = self.parse(call.inputs)
        manager = _manager(inputs)
        with _reported(inputs):
            found = manager.observe(inputs.process.name)
        if manager.is_gone(found):
            return None
        return call.outputs | {"incarnation": found.incarnation, "running": found.digest}

    def diff(self, call: Call) -> list[str]:
        names = changed(call.old_inputs, call.inputs, self.model.marked("unseen"))
        if not names and call.outputs.get("running") != call.inputs["digest"]:
            return ["process"]
        return names

    def update(self, call: Call) -> Props:
        if call.preview:
            return {}
        if call.old_inputs["process"]["stack_dir"] != call.inputs["process"]["stack_dir"]:
            self.delete(replace(call, inputs=call.before))
        return self.create(call)[1]

    def delete(self, call: Call) -> None:
        inputs = self.parse(call.inputs)
        has_files = machine(inputs.connection).is_directory(f"{inputs.process.stack_dir}/run")
        if has_files and not has_taken_over(inputs.process, inputs.connection):
            with _reported(inputs):
                _manager(inputs).stop(inputs.process.name)

    def _ensure(self, call: Call, id: str) -> Props:
        inputs = self.parse(call.inputs)
        process, manager = inputs.process, _manager(inputs)
        assert not isinstance(process, ContainedProcess)
        call.say("status", "starting")
        with _reported(inputs):
            ended = manager.ensure(process, inputs.stack, inputs.digest)
        outputs: Props = {"incarnation": ended["incarnation"], "running": inputs.digest}
        if ended["failed"] is not None:
            raise InitFailed(id, outputs, f"{process.name} on host '{process.host}': {ended['failed']}")
        return outputs


@contextmanager
def _reported(inputs: HostProcessInputs) -> Generator[None]:
    """Report what is refused with process and host."""
    try:
        yield
    except Refused as refused:
        raise Refused(f"{inputs.process.name} on host '{inputs.process.host}': {refused}") from None


def _manager(inputs: HostProcessInputs) -> Supervisord:
    manager = manager_of(inputs.process.manager, inputs.connection, inputs.process.stack_dir, inputs.stack_id)
    assert isinstance(manager, Supervisord)
    return manager
