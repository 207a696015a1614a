"""A Pulumi program with a role, a runtime and a site of its own: nothing of mspass_stack is changed for them."""

import json
import sys
from pathlib import Path
from typing import Any

from tests.harness.ports import free_ports
from tests.harness.project import PULUMI, Project, is_unchanged

PROGRAM = '''
import json, os, sys
from pathlib import Path

import pulumi

from mspass_stack import VirtualCluster, make_plan, read_cluster
from mspass_stack.plan import ENGINE
from mspass_stack.roles.base import Command, HealthCheck, Placement, Role
from mspass_stack.roles.registry import ROLES
from mspass_stack.runtimes import RUNTIMES
from mspass_stack.runtimes.docker import Docker
from mspass_stack.runtimes.native import Native
from mspass_stack.sites import SITES, Desktop
from mspass_stack.spec.probe import Probe

said = json.loads(Path("axes.json").read_text())


class Pages(Role):
    """The files of the workdir as pages, beside the frontend's host."""

    kind, role, order = "pages", "pages", 250

    def placements(self, cluster):
        yield Placement("pages", cluster.pool.host, "pool.host", {"http": (said["port"], "pool.port")}, "http")

    def command(self, process, context):
        workdir = context.host.workdir
        return Command(
            argv=(context.host.python, "-m", "http.server", "--bind", process.address, str(process.port)),
            directory=workdir,
            writes=(workdir,),
            probe=Probe(kind="http", host=process.host, address=process.address, port=process.port, path="/"),
            health=HealthCheck(process.address, process.port, "/"),
            stop_grace=5,
        )


def polite(runtime):
    class Polite(runtime):
        """Whatever it packages leaves the machine to others."""

        def render(self, command, process, context):
            spec = super().render(command, process, context)
            place = "entrypoint" if said["runtime"] == "docker" else "wrapper"
            return spec.model_copy(update={place: (*getattr(spec, place), "nice", "-n", "5")})

    return Polite()


class Shelf(Desktop):
    """A desktop whose stacks are on a shelf."""

    def claims(self, cluster):
        return "shelf" in cluster.hosts

    def stack_dir(self, cluster, stack, base):
        return str(base / "shelf" / stack)


ROLES["pages"] = Pages()
RUNTIMES["polite"] = polite({"native": Native, "docker": Docker}[said["runtime"]])
others = dict(SITES)
SITES.clear()
SITES.update({"shelf": Shelf(), **others})
engine = os.environ.get("DOCKER_HOST") or ENGINE
plan = make_plan(read_cluster(said["cluster"]), pulumi.get_stack(), {}, Path.cwd(), sys.executable, engine)
for name, value in VirtualCluster("mspass", plan).outputs.items():
    pulumi.export(name, value)
'''


class Axes:
    """The program in a folder of a copy of the project."""

    def __init__(self, project: Project, runtime: str, **cluster: Any) -> None:
        self._project, self.directory = project, project.path / "axes"
        self.directory.mkdir()
        database, scheduler, dashboard, pages = free_ports(4)
        self.said: dict[str, Any] = {
            "runtime": runtime,
            "port": pages,
            "cluster": {
                **cluster,
                "runtime": "polite",
                "hosts": {"shelf": {}},
                "database": {"db": "shelf", "port": database, "cache": "256MiB"},
                "pool": {
                    "host": "shelf",
                    "port": scheduler,
                    "dashboard": dashboard,
                    "workers": {"shelf": {"processes": 1, "memory": "512MiB"}},
                },
            },
        }
        (self.directory / "Pulumi.yaml").write_text("name: axes\nruntime: python\noptions:\n  refresh: always\n")
        (self.directory / "__main__.py").write_text(PROGRAM)
        self.pulumi("stack", "init", "axes")

    def up(self) -> str:
        (self.directory / "axes.json").write_text(json.dumps(self.said))
        return self.pulumi("up", "--yes", "--skip-preview", "--suppress-outputs")

    def pulumi(self, *words: str) -> str:
        # The plugin is found by its console script, which stands beside the project's python on PATH.
        ran = self._project.command(PULUMI, "--non-interactive", *words, cwd=self.directory)
        assert ran.returncode == 0, ran.stdout
        return ran.stdout

    def inventory(self) -> dict[str, Any]:
        return json.loads(self.pulumi("stack", "output", "inventory", "--json"))

    def runs(self) -> dict[str, str]:
        """Return incarnation by process."""
        return {entry["name"]: entry["incarnation"] for entry in self.inventory()["processes"]}

    def verify(self) -> str:
        words = [sys.executable, "-m", "mspass_stack", "verify", "--stack", "axes", "-q"]
        ran = self._project.command(*words, cwd=self.directory)
        assert ran.returncode == 0, ran.stdout
        return ran.stdout.splitlines()[-1]


def expect_a_whole_life(axes: Axes, kill: Any) -> None:
    """Up, verified, healed, changed with its workers retired, unchanged, down.

    Args:
        kill: ends a process of the inventory behind its manager's back.
    """
    try:
        _live(axes, kill)
    finally:
        axes.pulumi("destroy", "--yes", "--skip-preview")


def _live(axes: Axes, kill: Any) -> None:
    axes.up()
    first = axes.runs()
    assert set(first) == {"mongod", "scheduler", "pages", "worker-shelf"}
    assert list(first) == ["mongod", "scheduler", "pages", "worker-shelf"], "in the order of starting"
    assert "skipped" not in axes.verify()
    assert {Path(host["stack_dir"]).parent.name for host in axes.inventory()["hosts"].values()} == {"shelf"}
    kill(next(entry for entry in axes.inventory()["processes"] if entry["name"] == "pages"))
    axes.up()
    second = axes.runs()
    assert {name for name in first if first[name] != second[name]} == {"pages"}
    axes.said["cluster"]["pool"]["workers"]["shelf"]["processes"] = 2
    output = axes.up()
    assert "turn-worker-shelf" in output
    third = axes.runs()
    assert {name for name in first if third[name] != second[name]} == {"worker-shelf"}
    assert is_unchanged(axes.up())
