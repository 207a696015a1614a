"""A value more of three axes: a role, a runtime and a site that no file of the project knows."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from mspass_stack import sites
from mspass_stack.config.sections import Cluster
from mspass_stack.roles.base import Command, Context, HealthCheck, Needs, Placement, Role
from mspass_stack.roles.registry import ROLES
from mspass_stack.runtimes import RUNTIMES
from mspass_stack.runtimes.base import common
from mspass_stack.spec.connection import ConnectionSpec
from mspass_stack.spec.job import JobSpec
from mspass_stack.spec.layout import StackLayout
from mspass_stack.spec.probe import Probe
from mspass_stack.spec.process import SupervisedProcess
from mspass_stack.spec.topology import Process

PORT = 9100
DOMAIN = "toys.example.org"


class Exporter(Role):
    """A page of figures beside each host's workers; it asks for a token of its own."""

    kind, role, order, serves = "exporter", "exporter", 250, "figures"
    speaks = frozenset({"figures"})
    secrets: Mapping[str, str] = {"exporter-token": "token"}

    def placements(self, cluster: Cluster) -> Iterator[Placement]:
        for host in cluster.pool.workers if cluster.pool else ():
            ports = {"figures": (PORT, f"pool.workers.{host}")}
            yield Placement(f"exporter-{host}", host, f"pool.workers.{host}", ports, "http")

    def command(self, process: Process, context: Context) -> Command:
        token = self._token(context)
        return Command(
            argv=("exporter", "--listen", process.place, "--token-file", token),
            directory="/",
            probe=Probe(kind="http", host=process.host, address=process.address, port=process.port, path="/figures"),
            health=HealthCheck(process.address, process.port, "/figures"),
            stop_grace=5,
            reads=(token,),
        )

    def needs(self, process: Process, context: Context) -> Needs:
        return Needs(programs=("exporter",))

    def files(self, process: Process, context: Context, values: Mapping[str, str]) -> Mapping[str, str]:
        return {self._token(context): values["exporter-token"]}

    def client(self, process: Process, values: Mapping[str, str], authority: str) -> Mapping[str, str]:
        return {"FIGURES": process.endpoint}

    def _token(self, context: Context) -> str:
        return str(context.layout.secrets / "exporter-token")


class Polite:
    """Processes that leave the machine to others, kept up by the process manager that there is."""

    engine = False

    def python(self, declared: str | None, own: str | None) -> str:
        return declared or "polite-python"

    def image(self, cluster: Cluster) -> str:
        return ""

    def temporary(self, layout: StackLayout) -> str:
        return str(layout.scratch)

    def render(self, command: Command, process: Process, context: Context) -> SupervisedProcess:
        fields: dict[str, Any] = {**common(command, process, context), "argv": ("nice", "-n", "19", *command.argv)}
        return SupervisedProcess(**fields, python=context.host.python)


class Toys:
    """A site whose hosts have names below a domain of its own, and whose figures are encrypted."""

    shares_disk, measures = False, False

    def claims(self, cluster: Cluster) -> bool:
        return any(host.address.endswith(DOMAIN) for host in cluster.hosts.values())

    def encrypted(self, cluster: Cluster) -> frozenset[str]:
        return frozenset({"figures"})

    def warnings(self, cluster: Cluster) -> Iterator[str]:
        yield from ()

    def address(self, cluster: Cluster, stack: str, host: str) -> str:
        return f"{host}.{DOMAIN}"

    def connection(self, cluster: Cluster, stack: str, host: str, base: Path) -> ConnectionSpec:
        return ConnectionSpec(host=host, address=self.address(cluster, stack, host), user="toy")

    def stack_dir(self, cluster: Cluster, stack: str, base: Path) -> str:
        return f"/toys/{stack}"

    def workdir(self, cluster: Cluster, base: Path) -> str:
        return "/toys/work"

    def job(self, cluster: Cluster, stack: str, base: Path) -> JobSpec | None:
        return None

    def violations(self, cluster: Cluster, hosts: Iterable[str]) -> Iterator[str]:
        if "bear" in hosts:
            yield "mspass:cluster.hosts.bear: a bear is no host"


HOSTS: dict[str, dict[str, Any]] = {name: {"address": f"{name}.{DOMAIN}"} for name in ("box", "shelf")}

CLUSTER: dict[str, Any] = {
    "runtime": "polite",
    "hosts": HOSTS,
    "database": {"db": "box"},
    "pool": {"host": "box", "workers": {"shelf": {"processes": 1, "memory": "1GiB"}}},
}


def register(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add one entry to each registry, until the test ends."""
    monkeypatch.setitem(ROLES, "exporter", Exporter())
    monkeypatch.setitem(RUNTIMES, "polite", Polite())
    # A cluster is of the first site that claims it, and the desktop claims whatever has no SSH.
    monkeypatch.setattr(sites, "SITES", {"toys": Toys(), **sites.SITES})
