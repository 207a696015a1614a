"""`AddressRepair`: what kept data say of their peers' addresses, repaired before their mongod is started.

A config server's data name the shards, a shard's data name the config servers; a shard whose config servers are gone
never starts to listen. So the data are opened once, alone, as a member of a set that is renamed to it (MongoDB manual,
"Restore a Sharded Cluster"; unlike a standalone, a member applies what its oplog still holds). The data keep a note of
the addresses: equal ones are not repaired, and an interrupted repair is done again.
"""

import json
from importlib.resources import files
from pathlib import PurePosixPath

from mspass_stack.agent.programs import words_of
from mspass_stack.errors import EngineError, Refused
from mspass_stack.machines import machine
from mspass_stack.machines.base import Machine
from mspass_stack.managers import manager_of
from mspass_stack.provider.resources.base import Call, Resource
from mspass_stack.provider.server.codec import Props
from mspass_stack.spec.resources import AddressRepairInputs

PROGRAM = files("mspass_stack.agent").joinpath("repair.py")

UNFINISHED = "unfinished"


class AddressRepair(Resource[AddressRepairInputs]):
    """No outputs; the note beside the data says what was done."""

    model = AddressRepairInputs

    def create(self, call: Call) -> tuple[str, Props]:
        if not call.preview:
            self._ensure(call, self.parse(call.inputs))
        return f"{call.inputs['stack']}/addresses/{call.name}", {}

    def _ensure(self, call: Call, inputs: AddressRepairInputs) -> None:
        host, note = machine(inputs.connection), note_of(inputs.data)
        if host.exists(f"{inputs.data}/WiredTiger") and _differ(host, note, inputs.addresses):
            call.say("info", f"the data in {inputs.data} name other addresses: they are repaired before the start")
            host.write(note, json.dumps({UNFINISHED: "repair"}))
            _repair(inputs, host)
        host.write(note, json.dumps(inputs.addresses, sort_keys=True) + "\n")


def _repair(inputs: AddressRepairInputs, host: Machine) -> None:
    manager = manager_of(inputs.manager, inputs.connection, inputs.stack_dir, inputs.stack_id)
    words = [inputs.data, inputs.replica_set, inputs.key_file, json.dumps(inputs.addresses)]
    try:
        argv = words_of(inputs.python, PROGRAM.read_text(), manager.find("mongod", inputs.python), *words)
        halted = manager.halt(inputs.process)
        try:
            ended = manager.run_once(
                argv, image=inputs.image, directory=inputs.data, user=inputs.user, reads=[inputs.key_file]
            )
        finally:
            if halted:
                manager.resume(inputs.process)
        error = ended.output.strip()[-2000:] if ended.status else ""
    except (EngineError, Refused) as failure:
        error = str(failure)
    if error:
        raise Refused(f"host '{inputs.host}': {inputs.process}: its data could not be repaired: {error}")


def note_of(data: str) -> str:
    """Return the file beside a directory of data that holds the addresses in it."""
    directory = PurePosixPath(data)
    return str(directory.with_name(f"{directory.name}.addresses"))


def _differ(host: Machine, note: str, desired: dict[str, str]) -> bool:
    """Return whether data name a peer by none of its addresses.

    Of new peers they know nothing, and new members MongoDB finds by itself.
    """
    try:
        known: dict[str, str] = json.loads(host.read(note))
    except (OSError, ValueError):
        return True
    return UNFINISHED in known or any(
        not _members(seeds) & _members(known[name]) for name, seeds in desired.items() if name in known
    )


def _members(seeds: str) -> set[str]:
    return set(seeds.partition("/")[2].split(","))
