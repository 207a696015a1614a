"""Where users come in: Jupyter, the pool's pages, and what clients speak to, each with its address from here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from mspass_stack.machines import machine
from mspass_stack.spec.connection import ConnectionSpec
from mspass_stack.spec.inventory import Inventory


@dataclass(frozen=True)
class Entrance:
    """One of them.

    Attributes:
        label: its name for people.
        url: its stack output, which may hold a secret.
        connection: how the host is reached that sees `address` and `port`.
        inside: whether that host alone sees it, and is not this machine.
    """

    label: str
    url: str
    connection: ConnectionSpec
    address: str
    port: int
    inside: bool

    def open(self) -> str:
        """Return its URL on this machine, for as long as this process lives."""
        address, port = machine(self.connection).forward(self.address, self.port)
        place = urlsplit(self.url).netloc.rpartition("@")[2]
        return self.url.replace(place, f"{address}:{port}", 1)


PAGES = {"Jupyter": ("frontend", "jupyterUrl"), "Dask's pages": ("scheduler", "dashboardUrl")}
"""For a browser: the service of the inventory and the stack output, by label."""

OTHERS = {("scheduler", "spark"): "Spark's pages"}
"""Labels of a service whose endpoint has another scheme."""

PORTS = {"Database": ("database", "databaseUri"), "Scheduler": ("scheduler", "schedulerAddress")}
"""For clients, the same."""


def pages(outputs: Mapping[str, Any], inventory: Inventory) -> Iterator[Entrance]:
    """Yield what is for a browser, that a stack has."""
    for label, (service, output) in PAGES.items():
        for entry in inventory.serving(service)[:1]:
            probed = entry.spec.probe
            reached = inventory.hosts[probed.host].connection
            inside = inventory.is_inside(entry)
            name = OTHERS.get((service, urlsplit(entry.endpoint).scheme), label)
            yield Entrance(name, str(outputs[output]), reached, probed.address, probed.port, inside)


def ports(outputs: Mapping[str, Any], inventory: Inventory) -> Iterator[Entrance]:
    """Yield what is for clients, that a stack has."""
    for label, (service, output) in PORTS.items():
        for entry in inventory.serving(service)[:1]:
            reached = inventory.connection(entry)
            yield Entrance(label, str(outputs[output]), reached, entry.address, entry.ports[0], False)
