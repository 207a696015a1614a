"""`Turn`: goes before the restart of a process, so that its work does not stand still."""

from mspass_stack.errors import Refused
from mspass_stack.machines import machine
from mspass_stack.machines.base import Machine
from mspass_stack.managers import manager_of
from mspass_stack.managers.base import ProcessManager
from mspass_stack.mongo import balancer
from mspass_stack.mongo.replica_set import ReplicaSet
from mspass_stack.mongo.turn import hand_over
from mspass_stack.polling import wait_until
from mspass_stack.provider.mongo.places import members_at
from mspass_stack.provider.probes import probe
from mspass_stack.provider.resources.base import Call, Resource, changed
from mspass_stack.provider.resources.drain import drain
from mspass_stack.provider.server.codec import Props
from mspass_stack.spec.probe import Probe
from mspass_stack.spec.resources import TurnInputs
from mspass_stack.spec.topology import CONFIG_SET

PATIENCE = 120.0
"""Seconds for others to do their job: they may have been restarted just now."""


class Turn(Resource[TurnInputs]):
    """Output: `carries`, the digest of what the process was started as, or will be right after this."""

    model = TurnInputs

    def create(self, call: Call) -> tuple[str, Props]:
        return f"{call.inputs['stack']}/turn/{call.inputs['process']}", {"carries": call.inputs["digest"]}

    def read(self, call: Call) -> Props:
        """Look at the process itself: an `up` may have been killed between its turn and its restart."""
        inputs = self.parse(call.inputs)
        found = _manager(inputs).digest(inputs.managed_name)
        return call.outputs | ({"carries": found} if found else {})

    def diff(self, call: Call) -> list[str]:
        names = changed(call.old_inputs, call.inputs, self.model.marked("unseen"))
        return names or (["digest"] if call.outputs["carries"] != call.inputs["digest"] else [])

    def update(self, call: Call) -> Props:
        if call.outputs["carries"] != call.inputs["digest"]:
            if call.preview:
                if halts := call.inputs["halts"]:
                    call.say("warning", str(halts))
            elif _manager(inputs := self.parse(call.inputs)).incarnation(inputs.managed_name):
                # One that is down has nothing to hand over, and nobody is to wait for the health of others to heal it.
                _take(inputs, call, _authorities(call, inputs))
        return {"carries": call.inputs["digest"]}


def _authorities(call: Call, inputs: TurnInputs) -> tuple[str, ...]:
    """Return by which certificates its set may be asked: also without TLS only where it is about to get that.

    Whoever stands in between could else have us speak in clear, and speak on in our name.
    """
    old, carries = call.old_inputs, call.outputs["carries"]
    # What the state has last may be of an `up` that was killed before the restart.
    was_encrypted = old.get("authority") and carries == old["digest"]
    return (inputs.authority,) if was_encrypted or not inputs.authority else (inputs.authority, "")


def _take(inputs: TurnInputs, call: Call, authorities: tuple[str, ...]) -> None:
    patience = 0.0 if inputs.interrupt or inputs.halts else PATIENCE
    missing = _missing_meanwhile(inputs, call, patience, authorities)
    if not missing and inputs.config:
        # Nothing is moved between shards meanwhile; `ShardedCluster` lets it go on when all are back.
        config = tuple(members_at(inputs.config, inputs.connections).values())
        balancer.rest(ReplicaSet(CONFIG_SET, config, inputs.key_file, authorities))
    if not missing and inputs.replica_set and not inputs.halts:
        members = members_at(inputs.members, inputs.connections)
        replica_set = ReplicaSet(inputs.replica_set, tuple(members.values()), inputs.key_file, authorities)
        missing = hand_over(replica_set, members[inputs.host], patience, lambda text: call.say("status", text))
    if missing and not inputs.interrupt:
        raise Refused(
            f"{inputs.process} on host '{inputs.host}' is not restarted, since nobody would do its work meanwhile: "
            f"{missing}. pulumi up goes on when that is well again; pulumi config set mspass:interrupt true lets it "
            "restart all the same"
        )
    if inputs.drain and inputs.drain_connection:
        drain(inputs.drain, inputs.drain_connection, inputs.process, call)


def _missing_meanwhile(inputs: TurnInputs, call: Call, patience: float, authorities: tuple[str, ...]) -> str:
    """Wait for those that do its job meanwhile; return what is still missing."""
    missing: list[str] = []

    def ready() -> bool:
        missing[:] = [
            f"{one.address}:{one.port}: {what}"
            for one in inputs.meanwhile
            if (what := _probe(one, machine(inputs.connections[one.host]), authorities))
        ]
        if missing:
            call.say("status", f"waiting for {', '.join(missing)}")
        return not missing

    wait_until(ready, patience, 0.3)
    return ", ".join(missing)


def _probe(one: Probe, host: Machine, authorities: tuple[str, ...]) -> str | None:
    found = [probe(one, host, authority) for authority in authorities]
    return None if None in found else found[0]


def _manager(inputs: TurnInputs) -> ProcessManager:
    return manager_of(inputs.manager, inputs.connection, inputs.stack_dir, inputs.stack_id)
