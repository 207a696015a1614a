"""The reference of a stack file as Markdown, written from its JSON schema: a page of the docs."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mspass_stack.config.directives import PATTERN as OPTION
from mspass_stack.config.hosts import HOST_LIST
from mspass_stack.config.sections import KEY, NAMESPACE

HEAD = """\
# The keys of a stack file

<!-- Written by `mspass-stack schema --reference`, from the descriptions in mspass_stack/config/. -->

A stack file is `stacks/Pulumi.STACK.yaml`. What it says of the cluster is below `config:`, in `mspass:cluster`:

```yaml
# yaml-language-server: $schema=schema.json
config:
  mspass:cluster:
    hosts:
      desktop: {}
    database: {db: desktop}
```

The first line lets an editor with a YAML language server complete and check the keys, by the `schema.json` beside the
file. An unknown key, a wrong value and sections that do not fit together are refused by `preview`, each with its path.

A *name* has at most 31 lower-case letters, digits and hyphens, and a letter first. A *port* is a number from 1024 to
65535. A *size* is a text such as `8GiB` or `500MB`, or a number of bytes.

Where *hosts* stand, in a list or as keys, a host list as Slurm writes it may name many: `node[1-4]`, `lab[1,3-5]`,
`n[01-03]`. As a key it gives each of them the same value; in `hosts`, an address that is a list too gives each its own:
`lab[1-3]: {address: "10.0.0.[1-3]", ssh: {}}`. Inside of braces and brackets YAML wants quotes around it:
`shards: {a: ["node[1-3]"]}`.
"""

TAIL = """\
## Other lines of the file

| key | meaning |
|---|---|
| `encryptionsalt`, `secretsprovider`, `encryptedkey` | Pulumi's own, written when it makes the stack. Keep them: the secrets of the stack are read with them |
| keys of other namespaces | Pulumi's and its plugins', as ever |
"""  # noqa: E501  a row of a table is one line

KINDS = {NAMESPACE: "DATABASE.COLLECTION", HOST_LIST: "host", OPTION: "option"}
"""What the keys of a mapping are, by their pattern; else they are names."""

NAME = r"^[a-z][a-z0-9-]{0,30}$"

PORT = (1024, 65535)

WORDS = {"boolean": "`true` or `false`", "object": "secret", "null": ""}
"""A kind of value in words; null is a key that is left out."""

HEADER = ("| key | value | default | meaning |", "|---|---|---|---|")

Schema = Mapping[str, Any]


def page(schema: Schema) -> str:
    """Return the page.

    Args:
        schema: of a whole stack file, as `cli.schema` makes it.
    """
    keys: dict[str, Any] = schema["properties"]["config"]["properties"]
    parts, described = [HEAD, _section(KEY, keys[KEY], KEY)], dict[str, str]()
    # A section that stands at several places is described at the first one.
    for name, part, path in _sections(keys[KEY], schema["$defs"], KEY):
        described.setdefault(name, _section(name, part, path))
    parts += described.values()
    flat = [_row(key, value, required=False) for key, value in keys.items() if key != KEY]
    parts.append("\n".join(["## Beside the cluster", "", *HEADER, *flat, ""]))
    return "\n".join([*parts, TAIL])


def _sections(section: Schema, definitions: Schema, path: str) -> Iterator[tuple[str, Schema, str]]:
    """Yield the sections below one, in the order of reading, each with its name and key path."""
    for key, value in section["properties"].items():
        if found := re.search(r"'#/\$defs/(\w+)'", str(value)):
            below = f"{path}.{key}" + (".NAME" if "patternProperties" in value else "")
            yield found[1], definitions[found[1]], below
            yield from _sections(definitions[found[1]], definitions, below)


def _section(name: str, section: Schema, path: str) -> str:
    required = section.get("required", ())
    rows = [_row(key, value, key in required) for key, value in section["properties"].items()]
    return "\n".join([f"## {name}", "", f"`{path}`: {section['description']}", "", *HEADER, *rows, ""])


def _row(key: str, value: Schema, required: bool) -> str:
    default = "required" if required else _default(value.get("default"))
    cells = (f"`{key}`", _type(value), default, str(value["description"]))
    return f"| {' | '.join(cells)} |"


def _default(value: object) -> str:
    if value is None or value in ([], {}):
        return ""
    return _value(value)


def _value(value: object) -> str:
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _type(value: Schema) -> str:
    """Return in words what a value may be."""
    if choices := value.get("anyOf") or value.get("oneOf"):
        kinds = [kind for kind in map(_type, choices) if kind]
        return "size" if kinds == ["whole number", "text"] else ", or ".join(kinds)
    if reference := value.get("$ref"):
        name = reference.rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if words := value.get("enum") or [value[key] for key in ("const",) if key in value]:
        return " or ".join(_value(word) for word in words)
    if patterns := value.get("patternProperties"):
        pattern, inner = next(iter(patterns.items()))
        return f"by {KINDS.get(pattern, 'name')}: {_type(inner)}"
    return _simple_type(value)


def _simple_type(value: Schema) -> str:
    match value["type"]:
        case "array":
            return f"list of {_type(value['items'])}s"
        case "integer" if "minimum" in value:
            span = value["minimum"], value["maximum"]
            return "port" if span == PORT else f"{span[0]} to {span[1]}"
        case "integer":
            return "whole number"
        case "string":
            return {NAME: "name", HOST_LIST: "host"}.get(value.get("pattern", ""), "text")
        case kind:
            return WORDS[kind]
