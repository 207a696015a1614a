"""Look at every node of a job before any role starts there: what is wrong is said at once, and of all nodes together.

One step with a task on each node. A task prints a line with a port at which it listens, to which the first node
connects, and a line with what is wrong on its node.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Thread
from typing import Any

from . import gpus, image_check, mounts, shared_lock, size, slurm, sockets
from .allocation import Allocation
from .errors import Refused
from .job_supervisor import JobFiles
from .local_data import LocalData
from .store import Store
from .waiting import wait_until
from .words import DATA, HERE, STAGE, filled

LIMIT = 60.0
"""Seconds for all nodes to answer."""

REACH = 5.0
"""Seconds for a connection from node to node."""

LOCK = "lock"
"""The file of the run directory on which a lock is tried."""

GREETING = b"mspass\n"

NAMESPACE = "import ctypes, sys; sys.exit(-ctypes.CDLL(None).unshare(0x10000000))"
"""A program that fails where its user may make no user namespace (unshare(2), CLONE_NEWUSER)."""


def look(directory: str, over: Callable[[], object] = lambda: False) -> list[str]:
    """Look at all nodes from the first; what is wrong, a line each.

    Args:
        over: whether the job ends meanwhile.
    """
    run = Path(directory) / "run"
    nodes: Mapping[str, Mapping[str, Any]] = Allocation(run).read()["nodes"]
    with ExitStack() as stack, tempfile.TemporaryFile("w+") as said:
        if data_of(directory):
            try:
                stack.enter_context(shared_lock.held(run / LOCK))
                stack.callback(os.unlink, run / LOCK)  # a task tries the lock where the file is there
            except Refused as refused:
                return [str(refused)]
        process = subprocess.Popen(
            _step(directory, nodes), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said, text=True
        )
        answers = _Answers(nodes)
        reader = Thread(target=answers.read, args=(process.stdout,), daemon=True)
        reader.start()
        wait_until(lambda: answers.are_all or process.poll() is not None or over(), LIMIT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(0 if not answers.are_all else REACH)
        if process.poll() is None:
            process.terminate()
            process.wait()
        reader.join(1)
        said.seek(0)
        return answers.problems(said.read().strip())


def data_of(directory: str) -> list[str]:
    """Return the directories of the databases of a stack."""
    hosts = Allocation(Path(directory) / "run").read()["nodes"]
    return [step["data"] for host in hosts for step in size.steps_on(directory, host) if step.get("data")]


class _Answers:
    """What the nodes say."""

    def __init__(self, nodes: Mapping[str, Mapping[str, Any]]) -> None:
        self._nodes = nodes
        self._wrong: dict[str, list[str]] = {}
        self._reached: dict[str, str] = {}

    @property
    def are_all(self) -> bool:
        return len(self._wrong) == len(self._reached) == len(self._nodes)

    def read(self, lines: Any) -> None:
        for line in lines:
            if not line.startswith("{"):
                continue  # what a shell of the site says
            answer = json.loads(line)
            if "port" in answer:
                Thread(target=self._reach, args=(answer["host"], answer["port"]), daemon=True).start()
            else:
                self._wrong[answer["host"]] = answer["problems"]

    def problems(self, said: str) -> list[str]:
        found: list[str] = []
        for host, node in self._nodes.items():
            place = f"{host} ({node['name']})"
            if host not in self._wrong:
                found.append(f"{place}: no answer within {LIMIT:.0f} s{said and ': '}{said}")
            found += [f"{place}: {wrong}" for wrong in self._wrong.get(host, [])]
            if why := self._reached.get(host):
                found.append(f"{place}: {why}")
        return found

    def _reach(self, host: str, port: int) -> None:
        address = self._nodes[host]["address"]
        try:
            with socket.create_connection((address, port), REACH) as far:
                far.settimeout(REACH)
                why = "" if far.recv(len(GREETING)) == GREETING else "somebody else answers"
        except OSError as error:
            why = str(error)
        advice = "say in the profile (address: suffix, domain) by which name nodes reach each other"
        self._reached[host] = why and f"node0 does not reach it at {address}: {why}: {advice}"


class NodeCheck:
    """The look at this node.

    Args:
        directory: of the stack.
    """

    def __init__(self, directory: str) -> None:
        self._directory, self._run = directory, Path(directory) / "run"
        self._allocation = known = Allocation(self._run).read()
        self._nodes: dict[str, dict[str, Any]] = known["nodes"]
        name = os.environ["SLURMD_NODENAME"]
        self._host = next(host for host, node in self._nodes.items() if node["name"] == name)
        self._local = Path(known["local"])
        self._steps = _named_steps(directory, self._host)

    def run(self) -> None:
        """Say what is wrong here, and wait to be reached."""
        os.umask(0o077)
        own = self._nodes[self._host]["address"]
        with socket.socket() as listener:
            try:
                listener.bind((own, 0))
                listener.listen(4)
                listener.settimeout(LIMIT)
            except OSError as error:
                self._say(problems=[f"{own} is no address of this node: {error}", *self._problems()])
                self._say(port=0)
                return
            greeter = Thread(target=_greet, args=(listener,), daemon=True)
            greeter.start()
            self._say(port=listener.getsockname()[1])
            self._say(problems=self._problems())
            greeter.join(LIMIT)

    def _say(self, **known: object) -> None:
        slurm.tell({"host": self._host, **known})

    def _problems(self) -> list[str]:
        looks = (self._size, self._ports, self._lock, self._disk, self._room, self._gpus)
        return [problem for one in looks for problem in one()]

    def _size(self) -> list[str]:
        try:
            size.Size.of(self._nodes[self._host])
        except Refused as refused:
            return [str(refused)]
        return []

    def _ports(self) -> list[str]:
        found: list[str] = []
        for name, step in self._steps.items():
            for address, port in step.get("ports", ()):
                real = self._nodes.get(address.partition(".")[0], {}).get("address", address)
                if why := _held(real, port):
                    found.append(f"port {port} of {name} is held by {why}")
        return found

    def _lock(self) -> list[str]:
        lock = self._run / LOCK
        return [why] if lock.exists() and (why := shared_lock.trouble(lock)) else []

    def _disk(self) -> list[str]:
        """Write to the node's own disk, and run the image there."""
        own = self._local / "check"
        try:
            own.mkdir(mode=0o700, parents=True, exist_ok=True)
            (own / "written").write_bytes(bytes(1 << 16))
        except OSError as error:
            return [f"its own disk cannot be written: {error}: say in the profile (local) where it can"]
        try:
            return self._container(own)
        finally:
            shutil.rmtree(own, ignore_errors=True)

    def _room(self) -> list[str]:
        """Compare the node's own disk with the data that are going to be brought to it."""
        local = [step for step in self._steps.values() if any(DATA in word for word in step["wrapper"])]
        try:
            kept: dict[str, dict[str, Any]] = Store(Path(self._directory)).current.get("members", {}) if local else {}
        except Refused as refused:
            return [str(refused)]
        count = sum(int(kept.get(Path(step["data"]).name, {}).get("bytes", 0)) for step in local)
        disk = LocalData(self._directory, self._allocation)
        if count <= disk.free:
            return []
        kind = "RAM (tmpfs), which the job is charged for, and" if disk.is_ram else "a disk that"
        return [
            f"the data that belong here have {count / size.GIB:.1f} GiB, and {self._local.parent} is {kind} has "
            f"{disk.free / size.GIB:.1f} GiB left: say in the profile (local) where there is more, or take more nodes"
        ]

    def _gpus(self) -> list[str]:
        """Look for the accelerators of its workers, without which their containers would begin all the same."""
        return [why for step in self._steps.values() if (why := gpus.trouble(step))]

    def _container(self, own: Path) -> list[str]:
        contained = [step for step in self._steps.values() if step["wrapper"]]
        wrapper: Sequence[str] = contained[0]["wrapper"] if contained else ()
        if not wrapper:
            return []
        program = wrapper[0]
        if not shutil.which(program):
            return [f"there is no {program}: say in the profile (prelude) which module has it"]
        words = [filled(word, {HERE: str(own), DATA: str(own), STAGE: str(own)}) for word in wrapper]
        mounts.make_sources(own, wrapper, STAGE)
        why, runs = image_check.trouble(words, contained)
        found = [why] if why else []
        if runs:
            return found
        if subprocess.run([sys.executable, "-I", "-c", NAMESPACE]).returncode:
            found.append("a user may make no user namespace here (user.max_user_namespaces), which Apptainer needs")
        return found


def _step(directory: str, nodes: Mapping[str, Mapping[str, Any]]) -> list[str]:
    launcher = slurm.launcher_of(Path(directory) / "run")
    return slurm.step_on_each(
        [node["name"] for node in nodes.values()], "mspass-check", launcher, *slurm.own("check", directory)
    )


def _named_steps(directory: str, host: str) -> dict[str, dict[str, Any]]:
    files = JobFiles(directory)
    told = {name: files.step(name) for name in reversed(files.names())}
    found = {name: json.loads(path.read_text(encoding="utf-8")) for name, path in told.items() if path.exists()}
    return {name: step for name, step in found.items() if step.get("host") == host}


def _greet(listener: socket.socket) -> None:
    with suppress(OSError):
        near, _ = listener.accept()
        with near:
            near.sendall(GREETING)


def _held(address: str, port: int) -> str:
    """Say who has a port at an address; empty when it is free."""
    with socket.socket() as own:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            own.bind((address, port))
            own.listen(1)
        except OSError as error:
            who = next(iter(sockets.listeners([port])), None)
            if who is None:
                return str(error)
            return sockets.described(who) if who["pid"] else f"a process of user {who['user']}"
    return ""
