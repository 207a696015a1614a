"""stacks/schema.json is what the model says."""

from mspass_stack.cli import schema
from tests.harness.project import ROOT


def test_the_schema_beside_the_stack_files_is_fresh() -> None:
    assert (ROOT / "stacks" / schema.NAME).read_text() == schema.text(), "stale: mspass-stack schema --write stacks"


def test_the_schema_allows_the_line_that_pulumi_adds_and_no_unknown_key() -> None:
    fields = schema.schema()
    assert "encryptionsalt" in fields["properties"]
    assert fields["additionalProperties"] is False
    assert fields["properties"]["config"]["properties"]["mspass:cluster"]["additionalProperties"] is False
