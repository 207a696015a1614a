"""Bring a database to its nodes' own disks before its servers start, and store it after they have stopped in order."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import data_step, settings, slurm
from .allocation import Allocation
from .errors import Refused
from .local_data import run_of
from .store import NOTHING, OPENED, Store
from .write_lock import WriteLock

if TYPE_CHECKING:
    from typing import TypeAlias

FILE = "data.json"
"""Of the run directory: `version` and `when` of the data that a job began with, what is `lost`, `bandwidth`, and why
there is no `checkpoint`."""

LOCAL = "local"
"""The word for storage on the nodes' own disks."""

TURN = 1.0
"""Seconds between two signs of life while a step goes on."""

FLOOR = 20 << 20
"""Bytes per second that a copy is taken to make before one was measured."""

LEAST = 64 << 20
"""Bytes of a copy that tells a bandwidth."""

Answers: TypeAlias = "Mapping[str, Mapping[str, Any]]"


class Staging:
    """The data of one start of a job.

    Args:
        directory: of the stack.
        say: takes a line of the job's log.
        turn: gives a sign of life; whether the job ends meanwhile.
    """

    def __init__(self, directory: str, say: Callable[[str], object], turn: Callable[[], object]) -> None:
        self._directory, self._run = directory, Path(directory) / "run"
        self._say, self._turn, self._said = say, turn, ""
        allocation = Allocation(self._run).read()
        self._nodes: dict[str, dict[str, Any]] = allocation["nodes"]
        self._own = run_of(allocation)
        self._members = {host: data_step.members_of(directory, host) for host in self._nodes}
        self._hosts = [host for host, members in self._members.items() if members]
        self._wanted = sorted(member for members in self._members.values() for member in members)
        self._store = Store(Path(directory))

    def bring(self) -> bool:
        """Bring the version that counts, or what the last run has left beyond it where all of that is here.

        Returns:
            Whether the servers may open them: the job goes on.

        Raises:
            Refused: it cannot be brought.
        """
        opened = self._store.opened
        lost = self._rescue(opened) if opened else ""
        self._refuse_others()
        current = self._store.current
        version, begun = str(current.get("version", NOTHING)), time.monotonic()
        brought = self._step(self._hosts, "bring", version, opened.get("run", self._own))
        if self._turn():
            return False
        self._refuse_missing(self._wanted, brought, "the data were not brought to their nodes")
        took = time.monotonic() - begun
        count = sum(int(answer["bytes"]) for answer in brought.values())
        if any(answer["ram"] for answer in brought.values()):
            self._say("the nodes' own disk is RAM (tmpfs): the data are in the memory that the job is charged for")
        self._say(f"data: {described(current)} is on its nodes, {count >> 20} MiB in {took:.1f} s")
        known = {"job": self._own.partition(".")[0], "version": version, "when": current.get("when", 0), "lost": lost}
        bandwidth = count / took if count >= LEAST else FLOOR
        settings.write(self._run / FILE, json.dumps({**known, "bandwidth": bandwidth}) + "\n")
        nodes = {member: self._nodes[host]["name"] for host in self._hosts for member in self._members[host]}
        self._store.open(self._own, nodes)
        return True

    def keep(self) -> str:
        """Store the data of servers that have stopped; return why they are not stored, empty where they are."""
        try:
            self._version(self._hosts, self._own, self._wanted)
        except (Refused, OSError, ValueError) as error:
            return self.left(str(error))
        return ""

    def left(self, why: str) -> str:
        """Say where the data are that are not stored."""
        nodes = ", ".join(self._nodes[host]["name"] for host in self._hosts)
        return (
            f"the data are not stored, and stay on {nodes}: {why}; {described(self._store.current)} counts. The next "
            "job has them when it gets these nodes"
        )

    def _rescue(self, opened: Mapping[str, Any]) -> str:
        """Store what a run that was not stopped in order has left, if all is here; else say what is lost.

        Raises:
            Refused: it is here and cannot be stored, or a node does not say whether it is.
        """
        run, wanted = str(opened["run"]), sorted(map(str, opened["members"]))
        found = self._step(list(self._nodes), "find", run, key="host")
        if silent := [self._nodes[host]["name"] for host in self._nodes if "found" not in found.get(host, {})]:
            raise Refused(f"no word from {', '.join(silent)} of data that the last job may have left: {self._said}")
        here = {member for answer in found.values() for member in answer.get("found", ())}
        if not here.issuperset(wanted):
            away = ", ".join(f"{member} on {opened['members'][member]}" for member in wanted if member not in here)
            lost = (
                f"what job {run.partition('.')[0]} wrote since {_moment(opened['when'])} is lost: no node of this job "
                f"has {away}; {described(self._store.current)} counts"
            )
            self._say(lost)
            return lost
        self._say(f"data that job {run.partition('.')[0]} has left on all of its nodes are stored first")
        try:
            self._version([host for host, answer in found.items() if answer.get("found")], run, wanted)
        except Refused as refused:
            raise Refused(
                f"the data that the last job has left are on nodes of this one, and not stored: {refused}. To go on "
                f"without them, remove {self._store.place / OPENED}"
            ) from None
        return ""

    def _version(self, hosts: Sequence[str], run: str, wanted: Sequence[str]) -> None:
        """Make a version of a run's data.

        Raises:
            Refused: a copy failed; the former version counts.
        """
        version, begun = self._store.next, time.monotonic()
        kept = self._step(hosts, "keep", version, run)
        self._publish(version, run, wanted, kept, begun)
        self._step(hosts, "forget")

    def checkpoint(self, lock: WriteLock) -> str:
        """Make a version of the data of servers that go on with them; return its name.

        Args:
            lock: holds them still meanwhile.

        Raises:
            Refused: a copy failed, or they were not held to its end; the former version counts.
        """
        version, begun = self._store.next, time.monotonic()
        with lock:
            kept = self._step(self._hosts, data_step.CHECKPOINT, version, self._own)
        self._publish(version, self._own, self._wanted, kept, begun, lock.when)
        return version

    def _publish(
        self, version: str, run: str, wanted: Sequence[str], kept: Answers, begun: float, checkpoint: float = 0
    ) -> None:
        self._refuse_missing(wanted, kept, "not all copies were made")
        known = self._store.publish(version, run, {member: _copy(kept[member]) for member in wanted}, checkpoint)
        took, count = time.monotonic() - begun, sum(int(member["bytes"]) for member in known["members"].values())
        self._say(f"data: {version} stored, {count >> 20} MiB in {took:.1f} s")

    def _refuse_others(self) -> None:
        """Refuse data of servers that nobody declares, and servers without data beside others that have some."""
        current = self._store.current
        known = sorted(current.get("members", ()))
        if current and self._wanted != known:
            raise Refused(
                f"{described(current)} in {self._store.place} has data of {', '.join(known)}, and the stack declares "
                f"{', '.join(self._wanted)}: where database.storage is local, no server with data is added or taken "
                "away"
            )
        places = [Path(self._directory) / member for member in self._wanted]
        there = [str(place) for place in places if place.is_dir() and any(place.iterdir())]
        if there and not current:
            raise Refused(
                f"{', '.join(there)}: data of mspass:cluster.database.storage: shared: go on with that, or move them "
                "away and begin with an empty database"
            )

    def _refuse_missing(self, wanted: Sequence[str], answers: Answers, what: str) -> None:
        wrong = {
            member: answers.get(member, {}).get("error", "no answer")
            for member in wanted
            if "bytes" not in answers.get(member, {})
        }
        if wrong:
            why = "; ".join(f"{member}: {said}" for member, said in wrong.items())
            raise Refused(f"{what}: {why}{self._said and ': '}{self._said}")

    def _step(self, hosts: Sequence[str], *words: str, key: str = "member") -> dict[str, dict[str, Any]]:
        """Run a step with a task on the nodes of some hosts, all at once; return what they say by server or host."""
        launcher = slurm.launcher_of(self._run)
        names = [self._nodes[host]["name"] for host in hosts]
        argv = slurm.step_on_each(names, "mspass-data", launcher, *slurm.own("data", self._directory, *words))
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as said:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=said)
            while process.poll() is None:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(TURN)
                if self._turn() and words[0] in ("bring", data_step.CHECKPOINT):
                    process.terminate()
            out.seek(0)
            said.seek(0)
            lines = [json.loads(line) for line in out.read().splitlines() if line.startswith("{")]
            words_of_nodes = [
                f"{line['host']}: {line['error']}" for line in lines if "member" not in line and "error" in line
            ]
            self._said = "; ".join([*words_of_nodes, *filter(None, [said.read().strip()])])
        return {line[key]: line for line in lines if key in line and "done" not in line}


def refuse_store(directory: str) -> None:
    """Refuse to open data on the shared file system where a store has others that are newer.

    Raises:
        Refused: it has.
    """
    store = Store(Path(directory))
    if store.current:
        raise Refused(
            f"{described(store.current)} in {store.place}: data of mspass:cluster.database.storage: local: go on with "
            "that, or move the directory away"
        )


def described(version: Mapping[str, Any]) -> str:
    """Name a version in words."""
    return f"version {version['version']} of {_moment(version['when'])}" if version else "an empty database"


def _copy(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {name: answer[name] for name in ("bytes", "listing")}


def _moment(when: float) -> str:
    return time.strftime("%F %T", time.localtime(when))
