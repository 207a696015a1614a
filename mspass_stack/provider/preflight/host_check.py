"""One host, checked: by its facts, its engine and its agent. Looks only; changes nothing."""

from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, Any

from mspass_stack.agent.gpus import DEVICES, lack
from mspass_stack.agent.sockets import described
from mspass_stack.errors import EngineError, Refused, StackError, Unreachable
from mspass_stack.machines import machine
from mspass_stack.machines.image_file import lacking_image
from mspass_stack.managers import engine_of
from mspass_stack.managers.docker_labels import NAME, Publisher
from mspass_stack.managers.docker_network import foreign_network
from mspass_stack.managers.supervisord import Supervisord
from mspass_stack.provider.preflight import checks, stage_check
from mspass_stack.provider.preflight.compatibility import refusal
from mspass_stack.provider.preflight.facts import Facts, gather
from mspass_stack.spec.apptainer import COMMAND
from mspass_stack.spec.connection import ConnectionSpec
from mspass_stack.spec.resources import HostRequirements

if TYPE_CHECKING:
    from mspass_stack.managers.docker_engine import DockerEngine

ENGINE = (20, 10)
"""The oldest engine that was tried."""


class HostCheck:
    """A host, checked.

    Args:
        known: processes that the state has or had there, beside those of the plan.

    Attributes:
        who: the host in words.
        problems, warnings: a line each, without the host's name.
        notes: whole lines of what is good to know.
        versions: of the Python and the distributions that other hosts must have too, where it has no image.
        anchor: the nearest directory of the stack's that exists; empty where the host did not answer.
    """

    def __init__(
        self,
        connection: ConnectionSpec,
        asked: HostRequirements,
        stack: str,
        stack_id: str,
        known: Collection[str] = (),
    ) -> None:
        self.who = f"host '{connection.host}'"
        self.problems: list[str] = []
        self.warnings: list[str] = []
        self.notes: list[str] = []
        self.versions: dict[str, str] = {}
        self.anchor = ""
        self._connection, self._asked, self._stack, self._stack_id = connection, asked, stack, stack_id
        self._machine, self._expected = machine(connection), {*asked.processes, *known}
        try:
            self._look()
        except (Unreachable, EngineError, Refused) as error:
            self.problems.append(_without_name(error, connection))

    def _look(self) -> None:
        asked, host = self._asked, self._connection.host
        names = [asked.address, *asked.peers]
        facts = gather(self._machine, asked.stack_dir, asked.workdir, names)
        published = self._engine() if asked.image else {}
        holder = self._holder(facts, published)
        self.problems += checks.problems(facts, asked, host, self._stack_id, holder)
        self.warnings += checks.warnings(facts, asked, self._machine.remote)
        self.anchor = facts.anchor.get(asked.stack_dir, "") if asked.stack_dir in facts.writable else ""
        self.problems += self._gpus()
        if not asked.image:
            self._native()
        if asked.stage:
            stage = asked.stage
            self._attempt(lambda: stage_check.on_host(self._machine, asked.stack_dir, stage))

    def _gpus(self) -> Iterator[str]:
        """Look for the accelerators of workers: what is not there would not be missed at their start."""
        for path, kind in self._asked.gpus.items():
            if self._machine.run(["sh", "-c", f"ls -d {DEVICES[kind]} >/dev/null"]).status:
                yield lack(path, kind)

    def _holder(self, facts: Facts, published: dict[int, Publisher]) -> checks.Holder:
        """Return what tells who holds a port: a container's is held by Docker's proxy, or by nobody whom we see."""
        wanted = sorted(facts.ports & set(map(int, self._asked.ports)))
        # A host of containers alone may have no Python.
        ask_agent = wanted and (not self._machine.remote or not self._asked.image)
        listeners: list[dict[str, Any]] = self._machine.agent.call("listeners", ports=wanted) if ask_agent else []
        held = {int(listener["port"]): listener for listener in listeners}

        def holder(port: int, process: str) -> str | None:
            if owner := published.get(port):
                own = (owner.stack_id, owner.process) == (self._stack_id, process)
                return None if own and self._stack_id else str(owner)
            if listener := held.get(port):
                own = (listener["stack_id"], listener["process"]) == (self._stack_id, process)
                return None if own and self._stack_id else described(listener)
            return facts.holder(port)

        return holder

    def _engine(self) -> dict[int, Publisher]:
        """Check the host's Docker engine; return whose container has which port."""
        engine, image = engine_of(self._connection), self._asked.image
        try:
            version = engine.version()
        except EngineError as error:
            # One that is not there is no reason to go on: nothing else could be said.
            raise EngineError(f"{self._path('runtime')}: {error}: start it, or choose runtime: native") from None
        if tuple(int(part) for part in version.split(".")[:2]) < ENGINE:
            self.problems.append(f"its Docker engine is {version}: expected {'.'.join(map(str, ENGINE))} or newer")
        try:
            engine.find_image(image)
        except EngineError as error:
            self.problems.append(f"mspass:cluster.image: {image} is neither on it nor at its registry: {error}")
        try:
            if why := foreign_network(engine, self._machine, image):
                self.problems.append(f"{self._path('runtime')}: {why}")
        except EngineError as error:
            self.problems.append(f"{self._path('runtime')}: no container is on its host's network: {error}")
        self._containers(engine)
        return engine.published()

    def _containers(self, engine: "DockerEngine") -> None:
        """Look for containers of another clone, and for ours that nobody expects."""
        found = engine.of_stack(self._stack)
        if others := {container.stack_id for container in found.values()} - {self._stack_id}:
            self.problems.append(
                f"it runs a stack '{self._stack}' of another clone ({', '.join(sorted(others))}): "
                "destroy that one first, or give this stack another name; of a host that was given up and came back: "
                f"docker rm -f $(docker ps -aq --filter label={NAME}={self._stack}) there"
            )
        for name, container in found.items():
            if container.stack_id == self._stack_id and container.process not in self._expected:
                self.warnings.append(f"runs {name}, which is not in the plan: type there: docker rm -f {name}")

    def _native(self) -> None:
        """Check what native processes are started with."""
        asked, agent = self._asked, self._machine.agent
        try:
            for pid, name in agent.call("strays", directory=asked.stack_dir, stack_id=self._stack_id).items():
                if name and name not in self._expected:
                    self.warnings.append(f"runs {name} (pid {pid}), which is not in the plan: type there: kill {pid}")
        except Refused as refused:
            self.problems.append(_without_name(refused, self._connection))
            return
        manager = Supervisord(self._machine, asked.stack_dir, self._stack_id)
        for program in asked.programs:
            self._attempt(lambda program=program: self._program(manager.find(program, self._interpreter())))
        if asked.image_file:
            self._attempt(self._apptainer)
        if asked.python:
            self._attempt(self._python)
        if lacking := lacking_image(self._machine, asked.image_file, asked.stack_dir):
            self.problems.append(f"mspass:cluster.image: {lacking} is not there")

    def _interpreter(self) -> str:
        return self._asked.python or self._connection.python

    def _program(self, path: str) -> Iterator[str]:
        version = self._machine.agent.call("version", path=path)
        if why := refusal(self._machine, self._asked.stack_dir, version):
            yield why

    def _python(self) -> Iterator[str]:
        asked, agent, path = self._asked, self._machine.agent, self._path("python")
        try:
            python: str = agent.call("find", name=asked.python)
            if lacks := agent.call("modules", python=python, names=asked.modules):
                yield f"{path}: {asked.python} lacks {', '.join(lacks)}"
            elif asked.versions:
                found = agent.call("versions", python=python, distributions=asked.versions)
                releases = {name: release or "none" for name, release in found["distributions"].items()}
                self.versions = {"python": found["python"], **releases}
        except Refused as refused:
            yield f"{path}: {refused}"

    def _apptainer(self) -> Iterator[str]:
        try:
            self._machine.agent.call("find", name=COMMAND[0])
        except Refused:
            yield f"{self._path('runtime')}: {COMMAND[0]} is not on PATH: install it, or choose another"

    def _attempt(self, check: Callable[[], Iterator[str]]) -> None:
        try:
            self.problems += check()
        except Refused as refused:
            self.problems.append(str(refused))

    def _path(self, key: str) -> str:
        """Return the YAML path of what the config says of this host, or of all."""
        where = f"hosts.{self._connection.host}." if self._machine.remote else ""
        return f"mspass:cluster.{where}{key}"


def unreachable_reason(connection: ConnectionSpec, asked: HostRequirements) -> str | None:
    """Return why nothing can be removed from a host; None where it can."""
    try:
        machine(connection).run(["true"])  # before the engine, whose error would name the host twice
        if asked.image:
            engine_of(connection).version()
    except StackError as error:
        return _without_name(error, connection)
    return None


def _without_name(error: Exception, connection: ConnectionSpec) -> str:
    return str(error).removeprefix(f"{connection}").lstrip(": ")
