"""stacks/schema.json and docs/config.md are what the model says, and an editor finds the schema."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

from mspass_stack.cli import schema
from mspass_stack.cli.app import group
from tests.harness.project import ROOT


def test_the_schema_beside_the_stack_files_is_fresh() -> None:
    assert (ROOT / "stacks" / schema.NAME).read_text() == schema.text(), "stale: mspass-stack schema --write stacks"


def test_the_schema_allows_the_line_that_pulumi_adds_and_no_unknown_key() -> None:
    fields = schema.schema()
    assert "encryptionsalt" in fields["properties"]
    assert fields["additionalProperties"] is False
    assert fields["properties"]["config"]["properties"]["mspass:cluster"]["additionalProperties"] is False


def test_the_reference_in_the_docs_is_fresh() -> None:
    shown = CliRunner().invoke(group, ["schema", "--reference"])
    assert shown.exit_code == 0
    stale = "stale: mspass-stack schema --reference > docs/config.md"
    assert (ROOT / "docs" / "config.md").read_text() == shown.output, stale


def test_the_schema_is_written_where_it_is_asked_for(tmp_path: Path) -> None:
    assert CliRunner().invoke(group, ["schema", "--write", str(tmp_path)]).exit_code == 0
    assert (tmp_path / schema.NAME).read_text() == schema.text()


def _keys() -> Iterator[tuple[str, dict[str, Any]]]:
    fields = schema.schema()
    config = fields["properties"]["config"]["properties"]
    sections = {"mspass:cluster": config["mspass:cluster"], **fields["$defs"]}
    for section, value in sections.items():
        yield from ((f"{section}.{key}", value["properties"][key]) for key in value["properties"])
    yield from ((key, value) for key, value in config.items() if key != "mspass:cluster")


@pytest.mark.parametrize(("path", "value"), list(_keys()))
def test_every_key_is_described(path: str, value: dict[str, Any]) -> None:
    assert value["description"]


@pytest.mark.parametrize("file", sorted((ROOT / "stacks").glob("Pulumi.*.yaml")), ids=lambda file: file.name)
def test_every_stack_file_names_the_schema_for_editors(file: Path) -> None:
    assert file.read_text().splitlines()[0] == f"# yaml-language-server: $schema={schema.NAME}"


CLUSTERS: dict[str, tuple[dict[str, Any], bool]] = {
    "hosts by a list": ({"hosts": {"lab[1,3-5]": {}}}, True),
    "hosts by several lists": ({"hosts": {"lab[01-03], gpu1": {}}}, True),
    "an allocation": ({"slurm": {"nodes": 2, "time": "1-0", "directives": {"mem": None, "exclusive": True}}}, True),
    "an allocation for minutes": ({"slurm": {"nodes": 2, "time": 30}, "pool": {"host": "node0", "workers": {}}}, False),
    "workers by a list": ({"hosts": {"a": {}}, "pool": {"host": "a", "workers": {"node[1-4]": {}}}}, True),
    "shards by a list": ({"hosts": {"a": {}}, "database": {"shards": {"a": ["node[1-3]"]}}}, True),
    "ports by a list": ({"hosts": {"a": {}}, "database": {"ports": {"a": {"node[1-3]": 27100}}}}, True),
    "no hosts": ({"database": {"db": "a"}}, False),
    "hosts beside an allocation": ({"hosts": {"a": {}}, "slurm": {"nodes": 2, "time": 30}}, False),
    "an option that is off": ({"slurm": {"nodes": 2, "time": 30, "directives": {"hold": False}}}, False),
    "a list where one host is expected": ({"hosts": {"a": {}}, "frontend": {"host": "node[1-2]"}}, False),
}


@pytest.mark.parametrize("case", CLUSTERS)
def test_an_editor_takes_host_lists_and_an_allocation_as_the_program_does(case: str) -> None:
    cluster, right = CLUSTERS[case]
    validator = jsonschema.Draft202012Validator(schema.schema())
    assert validator.is_valid({"config": {"mspass:cluster": cluster}}) == right
