"""What we say to a Docker engine; the only file that imports docker-py."""

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, cast

import docker
from docker.errors import APIError, DockerException, NotFound
from docker.models.containers import Container
from requests import RequestException

from mspass_stack.machine import Unreachable
from mspass_stack.rendered import Reach
from mspass_stack.transport import machine

STACK, NAME, PROCESS, DIGEST = "mspass.stack", "mspass.stack-name", "mspass.process", "mspass.digest"
"""Labels of everything that we make: the stack's random id, its name, the process, and what it was made from."""

PORTS = "mspass.ports"
"""The label that says on which ports a container listens on its host's network, where Docker publishes none."""

RESTARTS = 4
"""A container that ended so often by itself has been given up; Docker would go on for ever."""

EXIT = "its exit status: "
"""What goes before the exit status of a command that was tried out, at the end of what it printed."""

HERE = Reach()

TIMEOUT = 60
"""Seconds for one answer of the engine."""


class EngineError(Exception):
    """The engine does not answer, or refuses; the text is for the user."""


def address() -> str:
    """Where the user's engine listens, as Docker's own tools find it."""
    return os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"


@dataclass(frozen=True)
class Publisher:
    """A container that publishes a port."""

    name: str
    stack_id: str
    stack: str

    def __str__(self) -> str:
        return f"container {self.name}" + (f" of stack '{self.stack}'" if self.stack else "")


class Engine:
    """The Docker engine at an address: this machine's, or that of the host which `reach` leads to."""

    def __init__(self, address: str, reach: Reach = HERE) -> None:
        self._machine = machine(reach)
        self._reach, self._address = reach, address

    def version(self) -> str:
        with self._client() as client:
            return str(client.version()["Version"])

    def runs(self, name: str) -> str:
        """The incarnation of a container that is up: its id and its start; empty when it is not."""
        with self._container(name) as found:
            if found is None or not found.attrs["State"]["Running"] or found.attrs["State"]["Restarting"]:
                return ""
            return f"{found.id[:12] if found.id else ''}-{found.attrs['State']['StartedAt']}"

    def state(self, name: str) -> str:
        """Docker's word on a container: running, restarting, exited ...; empty when there is none."""
        with self._container(name) as found:
            return str(found.status) if found else ""

    def gave_up(self, name: str) -> bool:
        """Whether a container is gone or ends again and again."""
        with self._container(name) as found:
            return found is None or (found.status != "running" and found.attrs["RestartCount"] >= RESTARTS)

    def obituary(self, name: str) -> str:
        """How a container last ended, and the end of its log."""
        with self._container(name) as found:
            if found is None:
                return "there is no such container"
            state = found.attrs["State"]
        end = "still runs" if state["Running"] else f"last ended with exit status {state['ExitCode']} {state['Error']}"
        return f"{end.strip()}; the end of its log:\n{self.tail(name)}"

    def tail(self, name: str, lines: int = 30) -> str:
        """The last lines of a container's log."""
        with self._container(name) as found:
            if found is None:
                return "(no log)"
            return found.logs(tail=lines).decode(errors="replace").rstrip("\n")

    def published(self) -> dict[int, Publisher]:
        """Whose container has which TCP port of the host: by publishing it, or on the host's own network."""
        with self._client() as client:
            running = cast("list[dict[str, Any]]", client.api.containers())
            return {port: _publisher(container) for container in running for port in _ports(container)}

    def owners(self, stack: str) -> set[str]:
        """The ids of the stacks of this name that have containers here, running or not."""
        with self._client() as client:
            named = client.containers.list(all=True, ignore_removed=True, filters={"label": f"{NAME}={stack}"})
            return {str(container.labels.get(STACK, "")) for container in named}

    def stop(self, name: str, stack_id: str) -> bool:
        """Stop a container of ours, with its own grace; whether there was one that ran."""
        with self._container(name) as found:
            if found is None or found.labels.get(STACK) != stack_id or found.status != "running":
                return False
            found.stop(timeout=_grace(found))
            return True

    def start(self, name: str) -> None:
        """Start a container that was stopped."""
        with self._container(name) as found:
            if found is not None:
                found.start()

    def execute(self, name: str, argv: list[str]) -> tuple[int, str]:
        """Run a command in a container that is up; exit status, and what it printed."""
        with self._client() as client:
            found = _found(client, name)
            if found is None or found.status != "running":
                return 1, f"container {name} is not up"
            made: str = client.api.exec_create(found.id, argv)["Id"]
            printed = client.api.exec_start(made).decode(errors="replace")
            return int(client.api.exec_inspect(made)["ExitCode"] or 0), printed

    def pull(self, name: str, say: Callable[[str], None]) -> str:
        """Make sure that the engine has an image, and pin it; what is there already is not pulled again.

        Raises:
            EngineError: it can be had nowhere.
        """
        with self._client() as client:
            try:
                found = client.images.get(name)
            except NotFound:
                _pull(client, name, say)
                found = client.images.get(name)
            digests = cast("list[str]", found.attrs.get("RepoDigests") or [])
            repository = name.split("@", maxsplit=1)[0].rsplit(":", 1)[0]
            own = [digest for digest in digests if digest.split("@", maxsplit=1)[0] == repository]
            return [*own, str(found.id)][0]

    def can_have(self, name: str) -> None:
        """Make sure that an image is here or at its registry, without pulling it.

        Raises:
            EngineError: it is neither.
        """
        with self._client() as client:
            try:
                client.images.get(name)
            except NotFound:
                client.images.get_registry_data(name)

    def try_out(self, image: str, argv: list[str], stack_id: str, folder: str = "", user: str = "") -> str:
        """Run a command in a throwaway container of an image; what it printed.

        The engine removes the container when it ends, also when nobody waits for it any more.

        Args:
            folder: of the host, which it may write to.
            user: uid:gid that it runs as.

        Raises:
            EngineError: it failed; the text is the end of what it printed.
        """
        with self._client() as client:
            made = client.containers.create(
                image,
                argv,
                entrypoint=["/bin/sh", "-c", f'"$0" "$@"; echo "{EXIT}$?"'],
                auto_remove=True,
                network_mode="none",
                labels={STACK: stack_id},
                volumes=[f"{folder}:{folder}"] if folder else [],
                user=user,
            )
            try:
                stream = cast("Iterator[bytes]", made.attach(stream=True))
                made.start()
                said = b"".join(stream).decode(errors="replace")
            finally:
                with suppress(APIError):
                    made.remove(force=True)
        printed, _, status = said.rpartition(EXIT)
        if status.strip() != "0":
            raise EngineError(printed.strip()[-300:])
        return printed

    def free_name(self, name: str, stack_id: str) -> None:
        """Remove a container of this name that an interrupted `up` of this stack left.

        Raises:
            EngineError: the container is not ours.
        """
        with self._container(name) as found:
            if found is None:
                return
            if found.labels.get(STACK) != stack_id:
                owner = f"stack '{found.labels[NAME]}'" if NAME in found.labels else "something else"
                raise EngineError(f"container {name} belongs to {owner}: rename or remove it, or rename this stack")
            _end(found)

    def free_network(self, name: str, stack_id: str) -> None:
        """The same for a network, with the containers of this stack that are still in it."""
        with self._client() as client:
            for network in client.networks.list(names=[name]):
                if network.name == name and (network.attrs.get("Labels") or {}).get(STACK) != stack_id:
                    raise EngineError(f"network {name} is not ours: remove it, or rename this stack")
                if network.name == name:
                    self.remove_leftovers(stack_id)

    def remove_leftovers(self, stack_id: str) -> None:
        """Remove all containers and networks that carry a stack's id: what the state does not know any more."""
        mine: dict[str, str | list[str] | bool] = {"label": f"{STACK}={stack_id}"}
        with self._client() as client:
            for container in client.containers.list(all=True, ignore_removed=True, filters=mine):
                _end(container)
            for network in client.networks.list(filters=mine):
                network.remove()

    @contextmanager
    def _container(self, name: str) -> Generator[Container | None]:
        """A container, as long as one speaks to the engine about it."""
        with self._client() as client:
            yield _found(client, name)

    @contextmanager
    def _client(self) -> "Generator[docker.DockerClient]":
        try:
            client = docker.DockerClient(base_url=self._machine.engine(self._address), timeout=TIMEOUT)
        except (DockerException, Unreachable) as error:
            raise EngineError(f"no Docker engine answers at {self}: {self._cause(error)}") from None
        try:
            yield client
        except (DockerException, RequestException) as error:
            raise EngineError(f"Docker engine at {self}: {_reason(error)}") from None
        finally:
            client.close()

    def _cause(self, error: Exception) -> str:
        """Why there is no answer; behind SSH the host itself is asked, since a carried connection just ends."""
        if not isinstance(error, DockerException):
            return str(error)
        if not self._machine.remote:
            return _reason(error)
        try:
            ran = self._machine.run(["docker", "version", "--format", "{{.Server.Version}}"])
        except Unreachable as unreachable:
            return str(unreachable)
        return (ran.stderr or ran.stdout).strip() or _reason(error)

    def __str__(self) -> str:
        return str(self._reach) if self._machine.remote else self._address


def _found(client: "docker.DockerClient", name: str) -> Container | None:
    try:
        return client.containers.get(name)
    except NotFound:
        return None


def _grace(container: Container) -> int:
    """Seconds that it gets to end by itself."""
    return int(container.attrs["Config"].get("StopTimeout") or 10)


def _end(container: Container) -> None:
    container.stop(timeout=_grace(container))
    container.remove(force=True)


def _ports(container: dict[str, Any]) -> Iterator[int]:
    for port in container["Ports"]:
        if port.get("PublicPort") and port["Type"] == "tcp":
            yield int(port["PublicPort"])
    labels: dict[str, str] = container.get("Labels") or {}
    yield from map(int, labels.get(PORTS, "").split())


def _publisher(container: dict[str, Any]) -> Publisher:
    labels: dict[str, str] = container.get("Labels") or {}
    return Publisher(container["Names"][0].lstrip("/"), labels.get(STACK, ""), labels.get(NAME, ""))


def _pull(client: "docker.DockerClient", name: str, say: Callable[[str], None]) -> None:
    """Pull an image, with a line for each step of its layers that is big enough to wait for."""
    sizes: dict[str, tuple[int, int]] = {}
    lines = cast("Iterator[dict[str, Any]]", client.api.pull(*_split(name), stream=True, decode=True))
    for line in lines:
        if "error" in line:
            raise EngineError(f"image {name}: {line['error']}")
        progress: dict[str, int] = line.get("progressDetail") or {}
        if progress.get("total"):
            sizes[line["id"]] = (progress["current"], progress["total"])
            done, total = (sum(size[i] for size in sizes.values()) // 1_000_000 for i in (0, 1))
            say(f"{line['status'].lower()} {name}: {done} of {total} MB")


def _split(name: str) -> tuple[str, str]:
    """Repository and tag (or digest) of an image's name; a registry's port is no tag."""
    if "@" in name:
        repository, _, digest = name.partition("@")
        return repository, digest
    repository, separator, tag = name.rpartition(":")
    return (repository, tag) if separator and "/" not in tag else (name, "latest")


def _reason(error: Exception) -> str:
    """What the engine said, without the HTTP around it."""
    if isinstance(error, APIError) and error.explanation:
        return str(error.explanation)
    stderr = getattr(error, "stderr", None)
    return str(stderr.decode(errors="replace") if isinstance(stderr, bytes) else error).strip()
