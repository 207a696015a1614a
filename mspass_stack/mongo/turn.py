"""The turn of a replica set's member: before it is restarted, its peers are in order and another is primary.

After the MongoDB manual, "Perform Maintenance on Replica Set Members": one member at a time, the primary stepped down
before.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pymongo.errors import PyMongoError

from mspass_stack.mongo.client import brief
from mspass_stack.mongo.replica_set import PAUSE, SETTLED, Member, ReplicaSet
from mspass_stack.polling import keep_trying, wait_until

CAUGHT_UP = timedelta(seconds=10)
"""What a member may lack of the others' newest operation: less than its turn takes."""

STAYS_DOWN = 60
"""Seconds for which a member that stepped down does not become primary again: it is restarted before that."""

ELECTION_TIMEOUT = 60.0
"""Seconds for a primary to step down and for another to be elected."""


@dataclass(frozen=True)
class Health:
    """What a member says of itself: its state, and the time of the newest operation that it has."""

    state: str
    applied: datetime


def hand_over(replica_set: ReplicaSet, own: Member, patience: float, say: Callable[[str], None]) -> str:
    """Wait until a member's peers do its work; if it is the primary, let another be that.

    A set that has no majority has nothing to lose: nobody is waited for.

    Args:
        patience: seconds for its peers to be in order.

    Returns:
        Why the set would lose its majority; empty when it would not.
    """
    missing = ""

    def in_order() -> bool:
        nonlocal missing
        health = _healths(replica_set, own)
        if 2 * sum(one is not None for one in health.values()) <= len(health):
            missing = ""
            return True
        missing = ", ".join(_lacking(health, own.place))
        if missing:
            say(f"replica set {replica_set.name}: {missing}")
        return not missing

    try:
        if not wait_until(in_order, patience, PAUSE) and not _spares(_healths(replica_set, own), own.place):
            return f"replica set {replica_set.name}: {missing}"
    except PyMongoError:
        return ""  # it is down, or was never initiated: nothing is lost by its restart
    try:
        keep_trying(lambda: _step_down(replica_set, own), PyMongoError, ELECTION_TIMEOUT)
    except PyMongoError as error:
        return f"replica set {replica_set.name}: {own.place} stays its primary: {brief(error)}"
    return ""


def _healths(replica_set: ReplicaSet, own: Member) -> dict[str, Health | None]:
    """Ask all members of the set that one is in.

    Raises:
        PyMongoError: that one does not answer, or is in none.
    """
    return {place: _health(replica_set, member) for place, member in _peers(replica_set, own).items()}


def _peers(replica_set: ReplicaSet, own: Member) -> dict[str, Member]:
    """Return the members that the set has by its own config, itself included: some may be about to leave."""
    with replica_set.client(own) as client:
        config: dict[str, Any] = client.admin.command("replSetGetConfig")["config"]
    declared = {member.place: member for member in replica_set.members}
    found: dict[str, Member] = {}
    for place in (str(member["host"]) for member in config["members"]):
        address, _, port = place.rpartition(":")
        found[place] = declared.get(place) or Member(own.host, address, int(port))
    return found


def _health(replica_set: ReplicaSet, member: Member) -> Health | None:
    """Ask a member itself: what its peers know of it is seconds old. None when it does not answer."""
    with suppress(PyMongoError), replica_set.client(member) as client:
        if not client.admin.command("hello").get("setName"):
            return Health("STARTUP", datetime.min)
        members: list[dict[str, Any]] = client.admin.command("replSetGetStatus")["members"]
        return next((Health(one["stateStr"], one["optimeDate"]) for one in members if one.get("self")), None)
    return None


def _lacking(health: dict[str, Health | None], own: str) -> list[str]:
    """Return what keeps a member's peers from doing its work."""
    newest = max(one.applied for one in health.values() if one)
    lacking: list[str] = []
    for place, one in health.items():
        if place == own:
            continue
        if one is None:
            lacking.append(f"{place} does not answer")
        elif one.state not in SETTLED:
            lacking.append(f"{place} is {one.state}")
        elif newest - one.applied > CAUGHT_UP:
            lacking.append(f"{place} is {(newest - one.applied).seconds} s behind")
    if not any(one and one.state == "PRIMARY" for one in health.values()):
        lacking.append("it has no primary")
    return lacking


def _spares(health: dict[str, Health | None], own: str) -> bool:
    """Return whether a set keeps its majority without a member, although not all are in order."""
    well = [place for place, one in health.items() if one and one.state in SETTLED and place != own]
    return 2 * len(well) > len(health)


def _step_down(replica_set: ReplicaSet, own: Member) -> None:
    """Let another member be primary.

    Raises:
        PyMongoError: it could not be done yet.
    """
    with replica_set.client(own) as client:
        if not client.admin.command("hello")["isWritablePrimary"]:
            return
        peers = tuple(member for member in _peers(replica_set, own).values() if member.place != own.place)
        # It hands over to one that has caught up, which is elected at once (MongoDB manual, "Election Handoff").
        client.admin.command({"replSetStepDown": STAYS_DOWN, "secondaryCatchUpPeriodSecs": 10})
    others = replace(replica_set, members=peers)
    if not wait_until(lambda: _has_primary(others), ELECTION_TIMEOUT, PAUSE):
        raise PyMongoError("no other member was elected")


def _has_primary(replica_set: ReplicaSet) -> bool:
    with suppress(PyMongoError), replica_set.primary():
        return True
    return False
