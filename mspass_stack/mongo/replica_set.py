"""A replica set, brought to the members that it is declared with, on data of any origin."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pymongo.errors import OperationFailure, PyMongoError

from mspass_stack.errors import Refused
from mspass_stack.mongo.client import Client, Host, brief, internal
from mspass_stack.polling import wait_until

PRIMARY_TIMEOUT = 120.0
"""Seconds for a set to get members and a primary: a mongod of a shard takes about 4 to start on a busy machine."""

SYNC_TIMEOUT = 24 * 3600.0
"""Seconds for a new member to copy the data of the others."""

PAUSE = 0.3
"""Seconds between two looks at a set: each of them logs in to every member."""

NOT_INITIATED = 94
NOT_A_MEMBER = 93
"""MongoDB's codes NotYetInitialized and InvalidReplicaSetConfig (src/mongo/base/error_codes.yml)."""

SETTLED = ("PRIMARY", "SECONDARY")


@dataclass(frozen=True)
class Member:
    """A member as its peers know it, and the host that it is on."""

    host: Host
    address: str
    port: int

    @property
    def place(self) -> str:
        return f"{self.address}:{self.port}"


@dataclass(frozen=True)
class View:
    """What one member says of its set.

    Attributes:
        config: its stored config; none when it was never initiated.
        state: PRIMARY (one that takes writes), SECONDARY ... ; REMOVED when the config names others only.
        primary: who it says is the primary, HOST:PORT; empty when it knows none.
    """

    member: Member
    config: dict[str, Any] | None
    state: str
    primary: str


@dataclass(frozen=True)
class ReplicaSet:
    """A set as declared.

    Attributes:
        authorities: certificates of who signs its members', PEM, each to be tried; an empty one is no TLS.
    """

    name: str
    members: tuple[Member, ...]
    key_file: str
    authorities: tuple[str, ...] = ("",)
    is_config: bool = False

    @property
    def seeds(self) -> str:
        return f"{self.name}/" + ",".join(member.place for member in self.members)

    @property
    def places(self) -> list[str]:
        return [member.place for member in self.members]

    def ensure(self, say: Callable[[str], None], given_up: bool = False) -> None:
        """Initiate the set, or bring it to its members; returns when it has a primary and every member its data.

        Args:
            given_up: whether hosts are given up, so that members which are not declared any more may be lost.

        Raises:
            Refused: a step is missing at its deadline; the text says which.
        """
        missing = "no answer"

        def settled(until_synced: bool) -> Callable[[], bool]:
            def look() -> bool:
                nonlocal missing
                try:
                    missing = self._step(until_synced, given_up)
                except PyMongoError as error:
                    missing = brief(error)
                if missing:
                    say(f"replica set {self.name}: {missing}")
                return not missing

            return look

        if not wait_until(settled(False), PRIMARY_TIMEOUT, PAUSE) or not wait_until(settled(True), SYNC_TIMEOUT, PAUSE):
            raise Refused(f"replica set {self.name} ({', '.join(self.places)}): {missing}")

    def primary(self) -> Client:
        """Return a client of the primary, as the internal user.

        Raises:
            PyMongoError: there is none.
        """
        for member in self.members:
            client = self.client(member)
            with suppress(PyMongoError):  # one that is down: the others may have elected another
                if client.admin.command("hello")["isWritablePrimary"]:
                    return client
            client.close()
        raise PyMongoError(f"replica set {self.name} has no primary")

    def client(self, member: Member) -> Client:
        """Return a client of a member, as the internal user."""
        *others, last = self.authorities
        for authority in others:
            client = internal(member.host, member.address, member.port, self.key_file, authority)
            with suppress(PyMongoError):
                client.admin.command("hello")
                return client
            client.close()
        return internal(member.host, member.address, member.port, self.key_file, last)

    def _step(self, until_synced: bool, given_up: bool) -> str:
        """Do the next thing that is to be done; what is still missing."""
        views = list(self._views())
        if primary := next((view for view in views if view.state == "PRIMARY"), None):
            assert primary.config
            if change := next_config(primary.config, self.places):
                with self.client(primary.member) as client:
                    client.admin.command("replSetReconfig", change)
                return "its members are changed"
            unsettled = [f"{view.member.place} is {view.state}" for view in views if view.state not in SETTLED]
            return ", ".join(unsettled) if until_synced else ""
        if leaving := next((view for view in views if view.primary not in ("", *self.places)), None):
            return self._take_over(leaving)
        if given_up and (report := self._drop_lost_members(views)):
            return report
        return self._initiate(views)

    def _initiate(self, views: list[View]) -> str:
        """Give a set without a primary the config by which it gets one."""
        if len(views) < len(self.members):
            return f"{len(views)} of {len(self.members)} members answer, and none of them is primary"
        configured = [view for view in views if view.config]
        if not configured:
            self._command(views[0].member, {"replSetInitiate": self._fresh()})
            return "it is initiated"
        if all(view.state == "REMOVED" for view in configured):
            # Its config names hosts that are not these any more: the data were moved, or the hosts renumbered.
            freshest = max(configured, key=lambda view: _age(view.config))
            self._command(freshest.member, {"replSetReconfig": self._renamed(freshest.config), "force": True})
            return "its members are renamed"
        return f"no primary yet ({', '.join(f'{view.member.place} is {view.state}' for view in views)})"

    def _drop_lost_members(self, views: list[View]) -> str:
        """Members that the rest of their set has left for good are a majority by a config that names them alone."""
        for view in views:
            known: list[dict[str, Any]] = view.config["members"] if view.config else []
            staying = [member for member in known if member["host"] in self.places]
            lost = [member["host"] for member in known if member["host"] not in self.places]
            if staying and lost and not any(self._answers(view.member, place) for place in lost):
                self._command(
                    view.member, {"replSetReconfig": {**(view.config or {}), "members": staying}, "force": True}
                )
                return f"{', '.join(lost)} is given up"
        return ""

    def _answers(self, seen_from: Member, place: str) -> bool:
        address, _, port = place.rpartition(":")
        with suppress(PyMongoError), self.client(Member(seen_from.host, address, int(port))) as client:
            return bool(client.admin.command("ping"))
        return False

    def _take_over(self, view: View) -> str:
        """Let a primary that is to leave take the new members in, and hand over."""
        address, _, port = view.primary.rpartition(":")
        with self.client(Member(view.member.host, address, int(port))) as client:
            config = _config_of(client)
            known = {member["host"] for member in config["members"]}
            if not known >= set(self.places):
                client.admin.command("replSetReconfig", next_config(config, self.places))
                return "its members are changed"
            # It may be that nobody has caught up yet: then it stays primary, and is asked again.
            client.admin.command({"replSetStepDown": 60, "secondaryCatchUpPeriodSecs": 10})
        return f"{view.primary} hands over"

    def _views(self) -> Iterator[View]:
        for member in self.members:
            try:
                with self.client(member) as client:
                    output, state = client.admin.command("hello"), _state_of(client)
                    if state == "PRIMARY" and not output["isWritablePrimary"]:
                        state = "PRIMARY, but takes no writes yet"
                    yield View(member, _config_or_none(client), state, str(output.get("primary", "")))
            except PyMongoError:
                continue

    def _command(self, member: Member, command: dict[str, Any]) -> None:
        with self.client(member) as client:
            client.admin.command(command)

    def _fresh(self) -> dict[str, Any]:
        kind = {"configsvr": True} if self.is_config else {}
        return {"_id": self.name, **kind, "members": _members(self.places)}

    def _renamed(self, config: dict[str, Any] | None) -> dict[str, Any]:
        return {**(config or {}), **self._fresh()}


def next_config(config: dict[str, Any], places: Sequence[str]) -> dict[str, Any] | None:
    """Return the next config on the way to the declared members; MongoDB takes one change of a voter at a time.

    New members come before old ones go. None when the members are as declared.
    """
    members: list[dict[str, Any]] = config["members"]
    known = [member["host"] for member in members]
    added = next((place for place in places if place not in known), None)
    removed = next((place for place in known if place not in places), None)
    if added:
        id = max(int(member["_id"]) for member in members) + 1
        members = [*members, {"_id": id, "host": added}]
    elif removed:
        members = [member for member in members if member["host"] != removed]
    else:
        return None
    return {**config, "version": config["version"] + 1, "members": members}


def _members(places: Sequence[str]) -> list[dict[str, Any]]:
    return [{"_id": id, "host": place} for id, place in enumerate(places)]


def _age(config: dict[str, Any] | None) -> tuple[int, int]:
    return (int((config or {}).get("term", 0)), int((config or {}).get("version", 0)))


def _config_of(client: Client) -> dict[str, Any]:
    return client.admin.command("replSetGetConfig")["config"]


def _config_or_none(client: Client) -> dict[str, Any] | None:
    try:
        return _config_of(client)
    except OperationFailure as error:
        if error.code == NOT_INITIATED:
            return None
        raise


def _state_of(client: Client) -> str:
    try:
        status = client.admin.command("replSetGetStatus")
    except OperationFailure as error:
        if error.code in (NOT_INITIATED, NOT_A_MEMBER):
            return "REMOVED" if error.code == NOT_A_MEMBER else "STARTUP"
        raise
    own = [member["stateStr"] for member in status["members"] if member.get("self")]
    return own[0] if own else "REMOVED"
