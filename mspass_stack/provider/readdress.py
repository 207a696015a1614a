"""`Readdress`: what kept data say of their peers' addresses, mended before their mongod is started.

A config server's data name the shards, a shard's data name the config servers; a shard whose config servers are gone
never starts to listen. So the data are opened once, alone in a container without a network, as a member of a set that
is renamed to it (MongoDB manual, "Restore a Sharded Cluster"; unlike a standalone, a member applies what its oplog
still holds). The data keep a note of the addresses: equal ones are not mended, and an interrupted mend is done again.
"""

import json
from importlib.resources import files
from pathlib import PurePosixPath

from mspass_stack.engine import EngineError
from mspass_stack.machine import Machine
from mspass_stack.provider.codec import Props
from mspass_stack.provider.image import engine_of, place
from mspass_stack.provider.machines import machine_of
from mspass_stack.provider.resource import Call, Refused, Resource

PROGRAM = files("mspass_stack.provider").joinpath("inside", "readdress.py")

UNFINISHED = "unfinished"


class Readdress(Resource):
    """Inputs: `reach`, `engine`, `image` (pinned) and its `python`, `container`, `data` (folder), `set`, `user`,
    `addresses` (of peers, by the name under which the data keep them)."""

    def create(self, call: Call) -> tuple[str, Props]:
        id = f"{call.inputs['stack']}/addresses/{call.name}"
        if not call.preview:
            self._ensure(call)
        return id, {}

    def _ensure(self, call: Call) -> None:
        host, data, wished = machine_of(call.inputs), call.inputs["data"], call.inputs["addresses"]
        note = note_of(data)
        if host.exists(f"{data}/WiredTiger") and _differ(host, note, wished):
            call.say("info", f"the data in {data} name other addresses: they are mended before the start")
            host.write(note, json.dumps({UNFINISHED: "mend"}))
            self._mend(call)
        host.write(note, json.dumps(wished, sort_keys=True) + "\n")

    def _mend(self, call: Call) -> None:
        inputs = call.inputs
        engine, words = engine_of(inputs), [inputs["data"], inputs["set"], json.dumps(inputs["addresses"])]
        try:
            stopped = engine.stop(inputs["container"], inputs["stackId"])
            argv = [inputs["python"], "-c", PROGRAM.read_text(), *words]
            engine.try_out(inputs["image"], argv, inputs["stackId"], folder=inputs["data"], user=inputs["user"])
            if stopped:
                engine.start(inputs["container"])
        except EngineError as error:
            raise Refused(f"{place(inputs)}{inputs['container']}: its data could not be mended: {error}") from None


def note_of(data: str) -> str:
    """The file beside a folder of data that holds the addresses in it."""
    folder = PurePosixPath(data)
    return str(folder.with_name(f"{folder.name}.addresses"))


def _differ(host: Machine, note: str, wished: dict[str, str]) -> bool:
    """Whether data name a peer by none of its addresses; of new peers they know nothing, new members MongoDB finds."""
    try:
        known: dict[str, str] = json.loads(host.read(note))
    except (OSError, ValueError):
        return True
    return UNFINISHED in known or any(
        not _members(seeds) & _members(known[name]) for name, seeds in wished.items() if name in known
    )


def _members(seeds: str) -> set[str]:
    return set(seeds.partition("/")[2].split(","))
