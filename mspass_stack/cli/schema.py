"""`mspass-stack schema`: the JSON schema by which an editor checks stack files, also as a page to read."""

import json
from pathlib import Path
from typing import Any

import click

from mspass_stack.cli.reference import page
from mspass_stack.config.sections import KEY, Cluster
from mspass_stack.runtimes import RUNTIMES

NAME = "schema.json"


@click.command("schema")
@click.option(
    "--write",
    metavar="DIR",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    help=f"write it to {NAME} in this folder, where the first line of stack files says that it is",
)
@click.option("--reference", is_flag=True, help="print the same as a page of Markdown")
def command(write: Path | None, reference: bool) -> None:
    """Print the JSON schema of a stack file."""
    if reference:
        click.echo(page(schema()), nl=False)
    elif write:
        (write / NAME).write_text(text())
    else:
        click.echo(text(), nl=False)


def schema() -> dict[str, Any]:
    """Return the JSON schema of a stack file, from the config model."""
    cluster = Cluster.model_json_schema()
    definitions = cluster.pop("$defs")
    # Which runtimes there are, the config itself does not know.
    for section in (cluster, definitions["Host"]):
        section["properties"]["runtime"] |= {"enum": list(RUNTIMES)}
        section["properties"]["runtime"].pop("anyOf", None)
    secret = {"type": "object", "properties": {"secure": {"type": "string"}}, "additionalProperties": False}
    flat: dict[str, Any] = {
        "mspass:abandon": {
            "type": "array",
            "items": {"type": "string"},
            "description": "hosts that will not come back: what was there is forgotten; for one `up`",
        },
        "mspass:interrupt": {
            "type": "boolean",
            "description": "restart also what nobody stands in for meanwhile; for one `up`",
        },
        "mspass:replaceJob": {
            "type": "boolean",
            "description": "stop a Slurm job that runs for one that is as the config says now; for one `up`",
        },
        "mspass:rescue": {
            "type": "boolean",
            "description": "have the next Slurm job ask for the nodes on which the last one has left data "
            "(`storage: local`); for one `up`",
        },
        "mspass:jupyterPassword": secret
        | {"description": "a password for Jupyter beside its token, set by `pulumi config set --secret`"},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A stack file of mspass_stack",
        "type": "object",
        "properties": {
            "config": {
                "type": "object",
                "properties": {KEY: cluster, **flat},
                "required": [KEY],
                # Keys of other namespaces are Pulumi's own business.
                "patternProperties": {"^(?!mspass:)": {}},
                "additionalProperties": False,
            },
            "encryptionsalt": {"type": "string"},
            "secretsprovider": {"type": "string"},
            "encryptedkey": {"type": "string"},
            "environment": {},
        },
        "required": ["config"],
        "additionalProperties": False,
        "$defs": definitions,
    }


def text() -> str:
    return json.dumps(schema(), indent=2) + "\n"
