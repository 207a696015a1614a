"""`python -m mspass_stack.schema`: writes stacks/schema.json, by which an editor completes and checks stack files."""

import json
from pathlib import Path
from typing import Any

from mspass_stack.config import Cluster
from mspass_stack.sections import KEY

PATH = Path(__file__).parents[1] / "stacks" / "schema.json"


def schema() -> dict[str, Any]:
    """The JSON schema of a stack file, from the config model."""
    cluster = Cluster.model_json_schema()
    definitions = cluster.pop("$defs")
    secret = {"type": "object", "properties": {"secure": {"type": "string"}}, "additionalProperties": False}
    flat = {"mspass:abandon": {"type": "array", "items": {"type": "string"}}, "mspass:jupyterPassword": secret}
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


if __name__ == "__main__":
    PATH.write_text(text())
