"""What our containers say of themselves by their labels."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

STACK, NAME, PROCESS, DIGEST = "mspass.stack", "mspass.stack-name", "mspass.process", "mspass.digest"
"""The stack's random id, its name, the process, and what it was made from."""

PORTS = "mspass.ports"
"""On which ports a container listens on its host's network, where Docker publishes none."""


@dataclass(frozen=True)
class Publisher:
    """A container that has a port of its host."""

    name: str
    stack_id: str
    stack: str
    process: str

    def __str__(self) -> str:
        return f"container {self.name}" + (f" of stack '{self.stack}'" if self.stack else "")


def publisher(container: Mapping[str, Any]) -> Publisher:
    """Return whose a container is, by the engine's list of containers."""
    labels: Mapping[str, str] = container.get("Labels") or {}
    stack_id, stack, process = (labels.get(label, "") for label in (STACK, NAME, PROCESS))
    return Publisher(container["Names"][0].lstrip("/"), stack_id, stack, process)


def ports(container: Mapping[str, Any]) -> Iterator[int]:
    """Yield the TCP ports of its host that a container has: published ones, or on the host's own network."""
    for port in container["Ports"]:
        if port.get("PublicPort") and port["Type"] == "tcp":
            yield int(port["PublicPort"])
    labels: Mapping[str, str] = container.get("Labels") or {}
    yield from map(int, labels.get(PORTS, "").split())
