"""Outside of an axis's own package nobody asks for one of its values: the registry is asked instead."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from statistics import median

import pytest

import mspass_stack
from mspass_stack.managers import MANAGERS
from mspass_stack.managers.docker_engine import DockerEngine
from mspass_stack.managers.supervisord import Supervisord
from mspass_stack.roles.registry import ROLES
from mspass_stack.runtimes import RUNTIMES
from mspass_stack.sites import SITES

ROOT = Path(mspass_stack.__file__).parent
FILES = {
    str(path.relative_to(ROOT)): path
    for path in sorted(ROOT.rglob("*.py"))
    # Which asks of each role, under each runtime, what is particular to it.
    if not path.is_relative_to(ROOT / "verify")
}

AXES: dict[str, Mapping[str, object]] = {"roles": ROLES, "runtimes": RUNTIMES, "sites": SITES, "managers": MANAGERS}
"""The registry of each axis, by its package."""

CLASSES = {
    *(type(value) for registry in (ROLES, RUNTIMES, SITES) for value in registry.values()),
    Supervisord,
    DockerEngine,
}
"""The implementations of the axes; the managers' registry holds functions that make them."""

KINDS = "the key of a registry, said where it is defined: the discriminator of what a runtime renders"
PROTOCOL_WORD = "a field of MongoDB's own protocol, not a role"
SETTLES = "it is the one question `docker or native?`, settled for a new desktop and written into its stack file"
SERVICE = "a service of the inventory, not a role: what users come in by"
OWN_RESOURCE = "this role's component: it declares what is particular to it"
OWN_MANAGER = "a resource of Docker's alone: images, containers and their network"
OWN_SUPERVISOR = "a resource that is supervisord's alone: what it keeps up, and its shutdown"

LITERALS: dict[tuple[str, str], str] = {
    ("agent/supervisor.py", "supervisord"): "the name of supervisord's own log and pid file",
    ("cli/choose_runtime.py", "docker"): SETTLES,
    ("cli/choose_runtime.py", "native"): SETTLES,
    ("cli/init.py", "desktop"): "the name of a stack, not a site",
    ("cli/entrances.py", "frontend"): SERVICE,
    ("cli/entrances.py", "scheduler"): SERVICE,
    ("cli/reverse.py", "frontend"): SERVICE,
    ("spec/inventory.py", "frontend"): SERVICE,
    ("cli/status.py", "scheduler"): SERVICE,
    ("components/virtual_cluster.py", "frontend"): "the logical name of a component",
    ("components/virtual_cluster.py", "scheduler"): SERVICE,
    ("config/current_job.py", "slurm"): "the name of a config key",
    ("config/sections.py", "native"): "the default of a config key",
    ("config/sections.py", "scheduler"): "the name of a config key",
    ("config/sections.py", "slurm"): "the name of a config key",
    ("config/slurm.py", "apptainer"): "the default of a config key",
    ("managers/docker_engine.py", "docker"): "the program, asked on a host for its version and its engine's socket",
    ("managers/mongod.py", "mongod"): "the program that a Python package embeds",
    ("mongo/drain.py", "shard"): PROTOCOL_WORD,
    ("mongo/readiness.py", "shard"): PROTOCOL_WORD,
    ("mongo/replica_set.py", "configsvr"): PROTOCOL_WORD,
    ("provider/probes/__init__.py", "mongos"): "a kind of probe, named after what it speaks to",
    ("provider/resources/address_repair.py", "mongod"): "the program that repairs its own data",
    ("spec/apptainer.py", "apptainer"): "the program, by its usual name",
    ("spec/process.py", "docker-engine"): KINDS,
    ("spec/resources.py", "docker-engine"): "what a state of an earlier release has its images for",
    ("spec/process.py", "slurm-job"): KINDS,
    ("spec/process.py", "supervised-containers"): KINDS,
    ("spec/process.py", "supervisord"): KINDS,
}
"""Why a literal that equals a key of another axis may stand in a file."""

IMPORTS: dict[tuple[str, str], str] = {
    ("cli/choose_runtime.py", "DockerEngine"): SETTLES,
    ("components/database.py", "ConfigServer"): OWN_RESOURCE,
    ("components/database.py", "Router"): OWN_RESOURCE,
    ("components/database.py", "Shard"): OWN_RESOURCE,
    ("components/database.py", "Single"): OWN_RESOURCE,
    ("components/docker_host.py", "DockerEngine"): OWN_MANAGER,
    ("components/frontend.py", "Frontend"): OWN_RESOURCE,
    ("components/pools.py", "Scheduler"): OWN_RESOURCE,
    ("components/pools.py", "SparkMaster"): OWN_RESOURCE,
    ("components/pools.py", "SparkWorker"): OWN_RESOURCE,
    ("components/pools.py", "Worker"): OWN_RESOURCE,
    ("provider/preflight/host_check.py", "DockerEngine"): "it looks at each host before there is a process to ask for",
    ("provider/preflight/host_check.py", "Supervisord"): "it looks at each host before there is a process to ask for",
    ("provider/resources/files.py", "Supervisord"): OWN_SUPERVISOR,
    ("provider/resources/node_processes.py", "Supervisord"): OWN_SUPERVISOR,
    ("provider/resources/process.py", "Supervisord"): OWN_SUPERVISOR,
}
"""Why a file may import an implementation of another axis."""


@cache
def _tree(file: str) -> ast.Module:
    return ast.parse(FILES[file].read_text())


def _package(file: str) -> str:
    return Path(file).parts[0]


def _docstrings(tree: ast.Module) -> set[int]:
    """The ids of constants that are statements by themselves: docstrings of modules, classes, functions and values."""
    expressions = (node.value for node in ast.walk(tree) if isinstance(node, ast.Expr))
    return {id(value) for value in expressions if isinstance(value, ast.Constant)}


def _foreign_literals(file: str, tree: ast.Module) -> Iterator[str]:
    keys = {key for axis, registry in AXES.items() if axis != _package(file) for key in registry}
    docstrings = _docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in docstrings and node.value in keys:
            yield str(node.value)


def _foreign_imports(file: str, tree: ast.Module) -> Iterator[str]:
    """The implementations that a file gets from another axis's package: by name, or by way of a module of it."""
    homes = {axis: f"mspass_stack.{axis}" for axis in AXES if axis != _package(file)}
    names = {cls.__name__ for cls in CLASSES if any(cls.__module__.startswith(f"{home}.") for home in homes.values())}
    modules: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and _is_within(node.module or "", homes.values()):
            modules |= {alias.asname or alias.name for alias in node.names}
            yield from (alias.name for alias in node.names if alias.name in names)
        elif isinstance(node, ast.ImportFrom) and node.module == "mspass_stack":
            modules |= {alias.asname or alias.name for alias in node.names if alias.name in homes}
        elif isinstance(node, ast.Import):
            found = [alias for alias in node.names if _is_within(alias.name, homes.values())]
            modules |= {alias.asname or alias.name.split(".")[0] for alias in found}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in names and _root(node) in modules:
            yield node.attr


def _is_within(module: str, homes: Iterable[str]) -> bool:
    return any(module == home or module.startswith(f"{home}.") for home in homes)


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


@pytest.mark.parametrize("file", FILES)
def test_no_file_names_a_value_of_another_axis(file: str) -> None:
    found = {literal for literal in _foreign_literals(file, _tree(file)) if (file, literal) not in LITERALS}
    assert not found, f"{file}: ask the registry, or write down in LITERALS why this is no such question"


@pytest.mark.parametrize("file", FILES)
def test_no_file_imports_an_implementation_of_another_axis(file: str) -> None:
    found = {name for name in _foreign_imports(file, _tree(file)) if (file, name) not in IMPORTS}
    assert not found, f"{file}: ask the registry, or write down in IMPORTS why it needs just this one"


def test_every_exception_is_still_needed() -> None:
    literals = {(file, literal) for file in FILES for literal in _foreign_literals(file, _tree(file))}
    imports = {(file, name) for file in FILES for name in _foreign_imports(file, _tree(file))}
    assert set(LITERALS) - literals == set()
    assert set(IMPORTS) - imports == set()


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("if runtime == 'docker': pass", ["docker"]),
        ("table = {'mongod': 1}", ["mongod"]),
        ("match site:\n    case 'lab': pass", ["lab"]),
        ("'docker'\nx = 1\n'native'", []),
        ("text = 'a docker image'", []),
    ],
)
def test_a_question_for_a_value_is_seen_in_whatever_form(code: str, found: list[str]) -> None:
    assert list(_foreign_literals("cli/new.py", ast.parse(code))) == found


def test_a_package_may_name_the_values_of_its_own_axis() -> None:
    tree = ast.parse("x = ('docker', 'mongod')\nfrom mspass_stack.runtimes.docker import Docker")
    assert list(_foreign_literals("runtimes/new.py", tree)) == ["mongod"]
    assert not list(_foreign_imports("runtimes/new.py", tree))


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("from mspass_stack.runtimes.docker import Docker", ["Docker"]),
        ("from mspass_stack.runtimes import Native as N", ["Native"]),
        ("def f():\n    from mspass_stack.managers.supervisord import Supervisord", ["Supervisord"]),
        ("from mspass_stack.roles import jupyter\njupyter.Frontend.kind", ["Frontend"]),
        ("from mspass_stack import sites\nsites.Lab()", ["Lab"]),
        ("import mspass_stack.roles.dask as d\nd.Worker()", ["Worker"]),
        ("import mspass_stack.roles.dask\nmspass_stack.roles.dask.Worker()", ["Worker"]),
        ("from mspass_stack.components.frontend import Frontend", []),
        ("from mspass_stack.runtimes import RUNTIMES, Runtime", []),
    ],
)
def test_an_import_of_an_implementation_is_seen_in_whatever_form(code: str, found: list[str]) -> None:
    assert list(_foreign_imports("cli/new.py", ast.parse(code))) == found


@pytest.mark.parametrize("file", FILES)
def test_no_file_is_above_300_lines(file: str) -> None:
    assert len(FILES[file].read_text().splitlines()) <= 300


def test_half_of_the_files_have_at_most_110_lines() -> None:
    assert median(len(path.read_text().splitlines()) for path in FILES.values()) <= 110
