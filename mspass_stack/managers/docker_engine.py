"""A Docker engine as a process manager, and all else that is said to one; the only file that imports docker-py."""

import os
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, cast

import docker
from docker.errors import APIError, DockerException, NotFound
from docker.models.containers import Container
from requests import RequestException

from mspass_stack.errors import EngineError, Unreachable
from mspass_stack.machines import machine
from mspass_stack.machines.forward import forward_socket
from mspass_stack.managers import docker_images, docker_labels
from mspass_stack.managers.base import Exit
from mspass_stack.managers.docker_labels import DIGEST, NAME, STACK, Publisher
from mspass_stack.spec.connection import ConnectionSpec

RESTARTS = 4
"""A container that ended so often by itself has been given up; Docker would go on for ever."""

EXIT = "its exit status: "
"""What goes before the exit status of a command that was run once, at the end of what it printed."""

TIMEOUT = 60
"""Seconds for one answer of the engine."""

DIAL = ("docker", "system", "dial-stdio")
"""The client on the host carries its engine's socket, as Docker's own ssh:// does (docker/cli, connhelper)."""

_sockets: dict[ConnectionSpec, str] = {}
_opening = threading.Lock()


def address() -> str:
    """Return where the user's engine listens, as Docker's own tools find it."""
    return os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"


class DockerEngine:
    """The Docker engine of this machine, or of the host that a connection leads to.

    Args:
        stack_id: of the stack whose containers are stopped and started.
    """

    def __init__(self, connection: ConnectionSpec, stack_id: str = "") -> None:
        self._machine = machine(connection)
        self._spec, self._address, self._stack_id = connection, connection.engine or address(), stack_id

    def version(self) -> str:
        with self._client() as client:
            return str(client.version()["Version"])

    def is_apart(self) -> bool:
        """Return whether it says that it is in a virtual machine or a user's namespaces (Docker Desktop, rootless)."""
        with self._client() as client:
            return any(kind in str(client.info()) for kind in ("Docker Desktop", "name=rootless"))

    def incarnation(self, name: str) -> str:
        """Return id and start of a container that is up; empty when it is not."""
        with self._container(name) as found:
            if found is None or not found.attrs["State"]["Running"] or found.attrs["State"]["Restarting"]:
                return ""
            return f"{found.id[:12] if found.id else ''}-{found.attrs['State']['StartedAt']}"

    def digest(self, name: str) -> str:
        """Return what a container that is up was made from, by its label."""
        with self._container(name) as found:
            return str(found.labels.get(DIGEST, "")) if found and found.status == "running" else ""

    def state(self, name: str) -> str:
        """Return Docker's word on a container: running, restarting, exited ...; empty when there is none."""
        with self._container(name) as found:
            return str(found.status) if found else ""

    def has_given_up(self, name: str) -> bool:
        """Return whether a container is gone or ends again and again."""
        with self._container(name) as found:
            return found is None or (found.status != "running" and found.attrs["RestartCount"] >= RESTARTS)

    def exit_report(self, name: str) -> str:
        """Return how a container last ended, and the end of its log."""
        with self._container(name) as found:
            if found is None:
                return "there is no such container"
            state = found.attrs["State"]
        end = "still runs" if state["Running"] else f"last ended with exit status {state['ExitCode']} {state['Error']}"
        return f"{end.strip()}; the end of its log:\n{self.log_tail(name)}"

    def log_tail(self, name: str, lines: int = 30) -> str:
        """Return the last lines of a container's log."""
        with self._container(name) as found:
            if found is None:
                return "(no log)"
            return found.logs(tail=lines).decode(errors="replace").rstrip("\n")

    def published(self) -> dict[int, Publisher]:
        """Return whose container has which TCP port of the host: by publishing it, or on the host's own network."""
        with self._client() as client:
            running = cast("list[dict[str, Any]]", client.api.containers())
            return {
                port: docker_labels.publisher(container)
                for container in running
                for port in docker_labels.ports(container)
            }

    def of_stack(self, stack: str) -> dict[str, Publisher]:
        """Return the containers of the stacks of this name, running or not, by their names."""
        with self._client() as client:
            named = cast("list[dict[str, Any]]", client.api.containers(all=True, filters={"label": f"{NAME}={stack}"}))
            return {publisher.name: publisher for publisher in map(docker_labels.publisher, named)}

    def stop(self, name: str) -> None:
        """Stop a container of the stack, with its own grace; absent is fine."""
        with self._container(name) as found:
            if found is not None and found.labels.get(STACK) == self._stack_id and found.status == "running":
                found.stop(timeout=_grace(found))

    def halt(self, name: str) -> bool:
        """Stop a container that is to go on later; return whether it ran."""
        running = bool(self.incarnation(name))
        self.stop(name)
        return running

    def resume(self, name: str) -> None:
        with self._container(name) as found:
            if found is not None:
                found.start()

    def find(self, program: str, python: str) -> str:
        return program

    def signal(self, name: str, signal: str) -> None:
        with self._container(name) as found:
            if found is not None:
                found.kill(f"SIG{signal}")

    def execute(self, name: str, argv: Sequence[str], seconds: float) -> Exit:
        """Run a command in a container that is up."""
        with self._client() as client:
            found = _found(client, name)
            if found is None or found.status != "running":
                return Exit(1, f"container {name} is not up")
            made: str = client.api.exec_create(found.id, ["timeout", str(int(seconds)), *argv])["Id"]
            client.api.timeout = int(seconds) + TIMEOUT
            printed = client.api.exec_start(made).decode(errors="replace")
            return Exit(int(client.api.exec_inspect(made)["ExitCode"] or 0), printed)

    def pull(self, name: str, say: Callable[[str], None]) -> str:
        """Make sure that the engine has an image, and pin it; what is there already is not pulled again.

        Raises:
            EngineError: it can be had nowhere.
        """
        with self._client() as client:
            if not self.has(name):
                words = docker_images.split_name(name)
                pulled = cast("Iterator[dict[str, Any]]", client.api.pull(*words, stream=True, decode=True))
                docker_images.report(name, pulled, say)
            return docker_images.pinned(name, client.images.get(name).attrs)

    def has(self, name: str) -> bool:
        """Return whether the engine has an image."""
        with self._client() as client, suppress(NotFound):
            return bool(client.images.get(name))
        return False

    def find_image(self, name: str) -> None:
        """Make sure that an image is here or at its registry, without pulling it.

        Raises:
            EngineError: it is neither.
        """
        if not self.has(name):
            with self._client() as client:
                client.images.get_registry_data(name)

    def run_once(
        self,
        argv: Sequence[str],
        image: str = "",
        directory: str = "",
        user: str = "",
        reads: Sequence[str] = (),
        network: str = "none",
    ) -> Exit:
        """Run a command in a throwaway container of an image.

        The engine removes the container when it ends, also when nobody waits for it any more.

        Args:
            network: `none`, or `host`.
            reads: files of the host that it sees.
        """
        binds = [*([(directory, "rw")] if directory else []), *((path, "ro") for path in reads)]
        with self._client() as client:
            made = client.containers.create(
                image,
                list(argv),
                entrypoint=["/bin/sh", "-c", f'exec 2>&1; "$0" "$@"; echo "{EXIT}$?"'],
                auto_remove=True,
                network_mode=network,
                labels={STACK: self._stack_id},
                volumes=[f"{path}:{path}:{mode}" for path, mode in binds],
                user=user,
            )
            try:
                stream = cast("Iterator[bytes]", made.attach(stream=True))
                made.start()
                output = b"".join(stream).decode(errors="replace")
            finally:
                with suppress(APIError):
                    made.remove(force=True)
        printed, _, status = output.rpartition(EXIT)
        return Exit(int(status), printed) if status.strip().isdigit() else Exit(1, output)

    def remove_leftover(self, name: str, stack_id: str) -> None:
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

    def remove_leftovers(self, stack_id: str) -> None:
        """Remove all containers that carry a stack's id: what the state does not know any more."""
        mine: dict[str, str | list[str] | bool] = {"label": f"{STACK}={stack_id}"}
        with self._client() as client:
            for container in client.containers.list(all=True, ignore_removed=True, filters=mine):
                _end(container)

    @contextmanager
    def _container(self, name: str) -> Generator[Container | None]:
        """Yield a container, as long as one speaks to the engine about it."""
        with self._client() as client:
            yield _found(client, name)

    @contextmanager
    def _client(self) -> "Generator[docker.DockerClient]":
        try:
            client = docker.DockerClient(base_url=self._socket(), timeout=TIMEOUT)
        except (DockerException, Unreachable) as error:
            raise EngineError(f"no Docker engine answers at {self}: {self._cause(error)}") from None
        try:
            yield client
        except (DockerException, RequestException) as error:
            raise EngineError(f"Docker engine at {self}: {docker_images.reason(error)}") from None
        finally:
            client.close()

    def _socket(self) -> str:
        """Return where the engine is reached from here; another host's is carried to a socket of this process."""
        if not self._machine.remote:
            return self._address
        with _opening:
            if self._spec not in _sockets:
                _sockets[self._spec] = f"unix://{forward_socket(partial(self._machine.dial, DIAL))}"
            return _sockets[self._spec]

    def _cause(self, error: Exception) -> str:
        """Return why there is no answer; behind SSH the host itself is asked, since a carried connection just ends."""
        if not isinstance(error, DockerException) or not self._machine.remote:
            return docker_images.reason(error)
        try:
            ran = self._machine.run(["docker", "version", "--format", "{{.Server.Version}}"])
        except Unreachable as unreachable:
            return str(unreachable)
        return (ran.stderr or ran.stdout).strip() or docker_images.reason(error)

    def __str__(self) -> str:
        return str(self._spec) if self._machine.remote else self._address


def _found(client: "docker.DockerClient", name: str) -> Container | None:
    try:
        return client.containers.get(name)
    except NotFound:
        return None


def _grace(container: Container) -> int:
    """Return seconds that it gets to end by itself."""
    return int(container.attrs["Config"].get("StopTimeout") or 10)


def _end(container: Container) -> None:
    container.stop(timeout=_grace(container))
    container.remove(force=True)
