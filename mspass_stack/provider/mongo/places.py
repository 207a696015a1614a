"""Where the servers of a database are, and the notes beside their data."""

from collections.abc import Mapping

from mspass_stack.machines import machine
from mspass_stack.machines.base import Machine
from mspass_stack.mongo import users
from mspass_stack.mongo.client import Client
from mspass_stack.mongo.replica_set import Member
from mspass_stack.provider.preflight.compatibility import note
from mspass_stack.spec.connection import ConnectionSpec
from mspass_stack.spec.resources import MongoPlace


def members_at(places: Mapping[str, MongoPlace], connections: Mapping[str, ConnectionSpec]) -> dict[str, Member]:
    """Return the members at places, each on its own machine, by the keys of both."""
    return {key: Member(machine(connections[key]), place.address, place.port) for key, place in places.items()}


def take_note(client: Client, host: Machine, stack_dir: str) -> None:
    """Note beside the data which release they are of."""
    host.write(note(stack_dir), f"{users.release(client)}\n")
